// Package docs runs what the documentation tells people to run, and compares what it says they will see.
//
// In a page, a ```console block holds commands after "$ ", their further lines after "> ", each followed by its output; a ```sql block is given to the shell, and a ```text
// block right after it is its output. In output, "…" stands for anything, on a line of its own for any number of lines. Blocks of other
// kinds (```sh, …) are not run. `go test ./tests/docs -rewrite` writes what was seen into the pages; read the diff.
package docs

import (
	"regexp"
	"strings"
)

// step is one thing a page tells its reader to do.
type step struct {
	line    int    // of the page, from 1
	command string // a command, or statements
	sql     bool
	output  []string // the lines that should be seen
	checked bool     // whether there are any
	// first and last bound the output's lines in the page, from 0, last excluded.
	first, last int
}

// parse finds the steps of a page.
func parse(lines []string) []step {
	var steps []step
	afterSQL := false // the next block may be the output of the last step
	for i := 0; i < len(lines); i++ {
		kind, isFence := strings.CutPrefix(lines[i], "```")
		if !isFence {
			afterSQL = afterSQL && strings.TrimSpace(lines[i]) == ""
			continue
		}
		end := i + 1
		for end < len(lines) && !strings.HasPrefix(lines[end], "```") {
			end++
		}
		body := lines[i+1 : end]
		switch {
		case kind == "sql":
			steps = append(steps, step{line: i + 2, command: strings.Join(body, "\n"), sql: true})
		case kind == "text" && afterSQL:
			last := &steps[len(steps)-1]
			last.output, last.checked, last.first, last.last = body, true, i+1, end
		case kind == "console":
			steps = append(steps, commands(body, i+1)...)
		}
		afterSQL = kind == "sql"
		i = end
	}
	return steps
}

// commands splits a console block whose first line is number at of the page, from 0.
func commands(body []string, at int) []step {
	var steps []step
	for i := 0; i < len(body); i++ {
		command, ok := strings.CutPrefix(body[i], "$ ")
		if !ok {
			continue
		}
		s := step{line: at + i + 1}
		lines := []string{command}
		for i+1 < len(body) && strings.HasPrefix(body[i+1], "> ") {
			i++
			lines = append(lines, body[i][len("> "):])
		}
		s.command, s.first = strings.Join(lines, "\n"), at+i+1
		end := i + 1
		for end < len(body) && !strings.HasPrefix(body[end], "$ ") {
			end++
		}
		s.output, s.last = body[i+1:end], at+end
		s.checked = len(s.output) > 0
		i = end - 1
		steps = append(steps, s)
	}
	return steps
}

// matches tells whether what was seen is what a page shows, spaces at the ends of lines and of the text apart.
func matches(shown []string, seen string) bool {
	var pattern strings.Builder
	pattern.WriteString(`(?s)\A\s*`)
	for _, line := range shown {
		line = strings.TrimRight(line, " ")
		if line == "…" {
			pattern.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		for n, part := range strings.Split(line, "…") {
			if n > 0 {
				pattern.WriteString(`[^\n]*`)
			}
			pattern.WriteString(regexp.QuoteMeta(part))
		}
		pattern.WriteString(`\n`)
	}
	pattern.WriteString(`\s*\z`)
	return regexp.MustCompile(pattern.String()).MatchString(trimLines(seen) + "\n")
}

// trimLines takes spaces from the ends of lines and empty lines from the end.
func trimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " \r")
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}
