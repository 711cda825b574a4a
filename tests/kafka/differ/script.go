package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// scripted is a case: its name and its lines, with the line numbers they have in the file.
type scripted struct {
	file, name string
	lines      []scriptLine
}

type scriptLine struct {
	number int
	text   string
}

// parseScript reads the cases of a file: "== NAME" begins one; "#" begins a remark; a line that begins with two spaces goes on with the
// one before it; "each X in A B C: LINE" is the line once for each word, in which a bar stands for a space.
func parseScript(file string, r io.Reader) ([]scripted, error) {
	var out []scripted
	scan := bufio.NewScanner(r)
	for n := 1; scan.Scan(); n++ {
		text := scan.Text()
		more := strings.HasPrefix(text, "  ")
		text = strings.TrimSpace(text)
		switch name, isCase := strings.CutPrefix(text, "== "); {
		case text == "" || strings.HasPrefix(text, "#"):
		case isCase:
			out = append(out, scripted{file: file, name: name})
		case len(out) == 0:
			return nil, fmt.Errorf("%s:%d: a line before the first case", file, n)
		case more:
			lines := out[len(out)-1].lines
			if len(lines) == 0 {
				return nil, fmt.Errorf("%s:%d: nothing goes on here", file, n)
			}
			lines[len(lines)-1].text += " " + text
		default:
			c := &out[len(out)-1]
			c.lines = append(c.lines, scriptLine{n, text})
		}
	}
	for i := range out {
		var err error
		if out[i].lines, err = unrolled(out[i].lines); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return out, scan.Err()
}

var eachPattern = regexp.MustCompile(`^each (\w+) in (.*?): (.*)$`)

// unrolled writes every "each" out, the outer ones first.
func unrolled(lines []scriptLine) ([]scriptLine, error) {
	var out []scriptLine
	for _, l := range lines {
		m := eachPattern.FindStringSubmatch(l.text)
		if m == nil {
			out = append(out, l)
			continue
		}
		words, err := splitWords(m[2])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", l.number, err)
		}
		var inner []scriptLine
		variable := regexp.MustCompile(`\$` + m[1] + `\b|\$\{` + m[1] + `\}`)
		for _, w := range words {
			inner = append(inner, scriptLine{l.number, variable.ReplaceAllLiteralString(m[3], strings.ReplaceAll(w, "|", " "))})
		}
		if inner, err = unrolled(inner); err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

// splitWords splits at spaces, outside of quotes; quotes stay.
func splitWords(s string) ([]string, error) {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '"' {
			quoted, err := strconv.QuotedPrefix(s)
			if err != nil {
				return nil, err
			}
			out, s = append(out, quoted), s[len(quoted):]
			continue
		}
		word, rest, _ := strings.Cut(s, " ")
		out, s = append(out, word), rest
	}
	return out, nil
}
