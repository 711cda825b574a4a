// Package logic runs sqllogictest scripts over the Postgres protocol against a node.
//
// A script is records separated by blank lines:
//
//	statement ok                     the statement succeeds
//	statement error 42703 [@POS] [REGEX]  it fails with this SQLSTATE at this character of the text (from 1), and its message,
//	                                 followed by "HINT: " and its hint when it has one, matches
//	query [TYPES] [rowsort|retry]    its rows, a line each, values separated by blanks, follow "----"; with retry it is asked again
//	                                 until they match or ten seconds are over
//	database NAME                    a new session, on this database
//	restart                          the node is closed and started again on its directory
//
// NULL is null, (empty) the empty text; blanks inside values are kept as they are. Lines that begin with # are comments.
// Source: the sqllogictest format of SQLite.
package logic

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Record is one step of a script.
type Record struct {
	Line   int    // of its first line
	Kind   string // statement, query, database, restart
	SQL    string // database: its name
	Code   string // statement error: the SQLSTATE; "" when it must succeed
	Pos    int32  // statement error: the position; 0: not looked at
	Match  string // statement error: a regular expression of the message and hint
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
		if len(body) > 0 {
			current.SQL = strings.Join(body, "\n")
		}
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
	case words[0] == "database" && len(words) == 2:
		rec.SQL = words[1]
	case words[0] == "statement" && len(words) >= 3 && words[1] == "error":
		rec.Code, words = words[2], words[3:]
		if len(words) > 0 && strings.HasPrefix(words[0], "@") {
			pos, err := strconv.ParseInt(words[0][1:], 10, 32)
			if err != nil {
				return rec, fmt.Errorf("%q is no position", words[0])
			}
			rec.Pos, words = int32(pos), words[1:]
		}
		rec.Match = strings.Join(words, " ")
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
