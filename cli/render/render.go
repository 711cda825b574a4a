// Package render shows rows as a table, vertically, as JSON, as CSV and as Markdown.
package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Format is a way to show rows.
type Format string

// The formats.
const (
	Table    Format = "table"
	Vertical Format = "vertical"
	JSON     Format = "json"   // one array a result
	NDJSON   Format = "ndjson" // one object a line
	CSV      Format = "csv"
	Markdown Format = "markdown"
)

// Formats lists what ParseFormat takes.
func Formats() []Format { return []Format{Table, Vertical, JSON, NDJSON, CSV, Markdown} }

// ParseFormat finds a format by name.
func ParseFormat(name string) (Format, error) {
	var names []string
	for _, f := range Formats() {
		if strings.EqualFold(name, string(f)) {
			return f, nil
		}
		names = append(names, string(f))
	}
	return "", fmt.Errorf("unknown output format %q; there is %s", name, strings.Join(names, ", "))
}

// Kind says how a value aligns and whether JSON may show it bare.
type Kind uint8

// The kinds of columns.
const (
	Text Kind = iota
	Number
	Bool
	Document // JSON of its own
)

// Column is a column's heading.
type Column struct {
	Name string
	Kind Kind
}

// Writer shows one result: Begin, then Row for each row, then End. Rows of endless results are shown as they come after Flush.
type Writer interface {
	Begin(cols []Column) error
	Row(values [][]byte) error // nil is null; views
	Flush() error              // shows what is held back
	End() error
}

// Options shape a writer.
type Options struct {
	Null string // what null looks like in tables; "" in CSV always
	// Headerless leaves headings out (table, csv).
	Headerless bool
}

// New makes a writer of a format to w.
func New(f Format, w io.Writer, opts Options) Writer {
	out := bufio.NewWriter(w)
	switch f {
	case Vertical:
		return &vertical{out: out, opts: opts}
	case JSON:
		return &jsonRows{out: out, array: true}
	case NDJSON:
		return &jsonRows{out: out}
	case CSV:
		return &csvRows{out: out, opts: opts}
	case Markdown:
		return &markdown{out: out, opts: opts}
	default:
		return &table{out: out, opts: opts}
	}
}
