// Package format is what a serialisation format is: payloads decoded into vectors, vectors encoded into payloads.
//
// A decoder or encoder is compiled once for a list of columns and used by one goroutine. Neither knows what a record or a topic is.
package format

import (
	"sort"
	"strings"

	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Options shape a decoder or encoder.
type Options struct {
	// Columns are the fields wanted, in the order of the vectors. A decoder skips every other field of a payload.
	Columns types.Columns
	// Payload is every column of the payload in its order, which formats without names (DELIMITED) need to find Columns; nil
	// means that Columns is all of them.
	Payload types.Columns
	// Unwrapped says that the payload is the single column's value itself, not an object with one member.
	Unwrapped  bool
	Properties map[string]string // of the format, e.g. value_delimiter
	// JavaNumbers writes doubles as Java's Double.toString does (the ksqldb dialect); else the shortest text that reads back.
	JavaNumbers bool
	// SkipValidation lets a decoder stop at the last wanted field and not look at the rest of the payload.
	SkipValidation bool
}

// BadRow is a payload that could not be decoded; its row holds nulls.
type BadRow struct {
	Row   int
	Cause string // one line: the field, the type expected, the text at fault
}

// Decoder turns payloads into rows.
type Decoder interface {
	// Decode fills rows 0..len(offs) of out (one vector a column, reset by the caller to their types) from the payloads
	// buf[offs[i]:offs[i]+lens[i]]; a length of -1 is a null payload, whose row is all null. It appends what could not be
	// decoded to bad. Nothing of buf is kept.
	Decode(buf []byte, offs, lens []int32, out []*vector.Vector, bad []BadRow) []BadRow
}

// Payloads are encoded rows, one after the other: payload i is Buf[Ends[i-1]:Ends[i]] with Ends[-1] = 0. Null marks null payloads.
type Payloads struct {
	Buf  []byte
	Ends []int32
	Null []bool
}

// Reset empties p and keeps its memory.
func (p *Payloads) Reset() { p.Buf, p.Ends, p.Null = p.Buf[:0], p.Ends[:0], p.Null[:0] }

// At is payload i, nil when it is null.
func (p *Payloads) At(i int) []byte {
	if p.Null[i] {
		return nil
	}
	start := int32(0)
	if i > 0 {
		start = p.Ends[i-1]
	}
	return p.Buf[start:p.Ends[i]:p.Ends[i]]
}

// Encoder turns rows into payloads.
type Encoder interface {
	// Encode appends one payload for each of rows (row numbers of cols) to dst.
	Encode(cols []*vector.Vector, rows []uint16, dst *Payloads) error
}

// Format is one way to write rows as bytes.
type Format interface {
	Name() string // upper case: JSON
	// Check tells whether the format can carry the columns, with the SQLSTATE of its error.
	Check(opts Options) *sqlerr.Error
	NewDecoder(opts Options) (Decoder, *sqlerr.Error)
	NewEncoder(opts Options) (Encoder, *sqlerr.Error)
}

// Registry finds formats by name.
type Registry struct{ formats map[string]Format }

// Register adds a format; a second one of the same name replaces the first.
func (r *Registry) Register(f Format) {
	if r.formats == nil {
		r.formats = map[string]Format{}
	}
	r.formats[f.Name()] = f
}

// Lookup finds a format, whatever the case of its name.
func (r *Registry) Lookup(name string) (Format, *sqlerr.Error) {
	if f, ok := r.formats[strings.ToUpper(name)]; ok {
		return f, nil
	}
	return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, 0, "unknown format %q", name).
		WithHint("formats are %s", strings.Join(r.Names(), ", "))
}

// Names lists the formats, sorted.
func (r *Registry) Names() []string {
	names := make([]string, 0, len(r.formats))
	for n := range r.formats {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}
