// Package logic runs sqllogictest scripts over the Postgres protocol against a node.
//
// A script is records separated by blank lines:
//
//	statement ok                     the statement succeeds
//	statement error 42703 REGEX      it fails with this SQLSTATE, and its message matches
//	query [TYPES] [rowsort|retry]    its rows, a line each, values separated by blanks, follow "----"; with retry it is asked again
//	                                 until they match or ten seconds are over
//	restart                          the node is closed and started again on its directory
//
// NULL is null, (empty) the empty text; blanks inside values are kept as they are. Lines that begin with # are comments.
// Source: the sqllogictest format of SQLite.
package logic

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Record is one step of a script.
type Record struct {
	Line   int    // of its first line
	Kind   string // statement, query, restart
	SQL    string
	Code   string // statement error: the SQLSTATE; "" when it must succeed
	Match  string // statement error: a regular expression of the message
	Sort   bool
	Retry  bool
	Expect []string
}

// Parse reads a script.
func Parse(r io.Reader) ([]Record, error) {
	var (
		records []Record
		current *Record
		body    []string
		rows    bool
		number  int
	)
	end := func() {
		if current == nil {
			return
		}
		current.SQL = strings.Join(body, "\n")
		records = append(records, *current)
		current, body, rows = nil, nil, false
	}
	sc := bufio.NewScanner(r)
	for sc.Scan() {
		number++
		line := sc.Text()
		switch {
		case strings.TrimSpace(line) == "":
			end()
		case strings.HasPrefix(line, "#") && current == nil:
		case current == nil:
			rec, err := head(line)
			if err != nil {
				return nil, fmt.Errorf("line %d: %w", number, err)
			}
			rec.Line = number
			current = &rec
		case line == "----":
			rows = true
		case rows:
			current.Expect = append(current.Expect, line)
		default:
			body = append(body, line)
		}
	}
	end()
	return records, sc.Err()
}

// head reads a record's first line.
func head(line string) (Record, error) {
	words := strings.Fields(line)
	rec := Record{Kind: words[0]}
	switch {
	case line == "restart", line == "statement ok":
	case words[0] == "statement" && len(words) >= 3 && words[1] == "error":
		rec.Code, rec.Match = words[2], strings.Join(words[3:], " ")
	case words[0] == "query":
		for _, w := range words[1:] {
			rec.Sort = rec.Sort || w == "rowsort"
			rec.Retry = rec.Retry || w == "retry"
		}
	default:
		return rec, fmt.Errorf("%q is no record", line)
	}
	return rec, nil
}
