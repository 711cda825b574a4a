package sqlerr

import "strings"

// longestWord bounds the words that are compared letter by letter: the work grows with the square of their length.
const longestWord = 100

// Nearest is the name meant by a misspelt one, for a hint: the first of those fewest edits away, case aside, and "" when none is
// within most edits.
func Nearest(name string, names []string, most int) string {
	lower := strings.ToLower(name)
	best, left := "", most
	for _, n := range names {
		if d := Distance(lower, strings.ToLower(n), left); d <= left {
			if best, left = n, d-1; left < 0 {
				return best
			}
		}
	}
	return best
}

// Distance counts the bytes to insert, delete, replace or swap with their neighbour between two words; limit+1 when that is more than
// limit, or when a word is longer than any name. Source: the optimal string alignment distance.
func Distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit || len(a) > longestWord || len(b) > longestWord {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			row[j] = min(last[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit+1)
}
