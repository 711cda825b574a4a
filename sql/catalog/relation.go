package catalog

import (
	"slices"

	"github.com/freshetdb/freshet/sql/types"
)

// Kind tells streams from tables.
type Kind string

// The kinds of relations.
const (
	Stream Kind = "STREAM"
	Table  Kind = "TABLE"
)

// Relation is a stream or a table: columns over a topic. It is immutable.
type Relation struct {
	ID          string   `json:"id"` // unique for ever, new for a replaced relation; names the view of a table
	Name        string   `json:"name"`
	Kind        Kind     `json:"kind"`
	Columns     []Column `json:"columns"`
	KeyOrder    []int    `json:"key_order,omitempty"` // the key columns in the key's order, when that is not the columns' own
	Topic       string   `json:"topic"`
	Partitions  int32    `json:"partitions"`
	Replicas    int16    `json:"replicas,omitempty"`
	KeyFormat   Format   `json:"key_format"`
	ValueFormat Format   `json:"value_format"`
	TimeColumn  string   `json:"time_column,omitempty"` // of the event time; "": the record's timestamp
	TimeFormat  string   `json:"time_format,omitempty"` // of a text TimeColumn
	Window      *Window  `json:"window,omitempty"`      // keys carry a window
	// WritingQuery is the CREATE … AS query that fills the relation, "" when clients do.
	WritingQuery string `json:"writing_query,omitempty"`
	// Materialised tells that WritingQuery keeps the rows as a view named ID. Other tables are materialised at first use.
	Materialised bool   `json:"materialised,omitempty"`
	ReadOnly     bool   `json:"read_only,omitempty"` // CREATE SOURCE
	System       bool   `json:"system,omitempty"`    // every database has it; it can be neither dropped nor replaced
	Start        Start  `json:"start"`
	StopOnError  bool   `json:"stop_on_error,omitempty"`
	Text         string `json:"text"` // of the statement that made it
	Comment      string `json:"comment,omitempty"`
}

// Column is a column of a relation.
type Column struct {
	Name   string     `json:"name"`
	Field  string     `json:"field"` // its name in payloads
	Type   types.Type `json:"-"`     // kept by its stable name
	Key    bool       `json:"key,omitempty"`
	Hidden bool       `json:"hidden,omitempty"` // kept, but not part of * nor found by name: key columns a projection left out
	// Bound tells a selected bound of the relation's window: "start" or "end".
	Bound string `json:"bound,omitempty"`
	// Headers tells a column made from record headers: all of them, or the last one named Header.
	Headers bool   `json:"headers,omitempty"`
	Header  string `json:"header,omitempty"`
}

// Format is a serialisation format and its properties.
type Format struct {
	Name       string            `json:"name"` // JSON, KAFKA, DELIMITED, NONE
	Properties map[string]string `json:"properties,omitempty"`
	Wrapped    bool              `json:"wrapped,omitempty"` // a single column is a member of an object, not the payload itself
}

// Window is the window of a relation's keys.
type Window struct {
	Kind        string `json:"kind"` // TUMBLING, HOPPING, SESSION
	SizeMS      int64  `json:"size_ms,omitempty"`
	AdvanceMS   int64  `json:"advance_ms,omitempty"`
	GraceMS     int64  `json:"grace_ms,omitempty"`
	RetentionMS int64  `json:"retention_ms,omitempty"`
}

// Start is where queries begin reading a relation unless they say otherwise.
type Start struct {
	Latest      bool   `json:"latest,omitempty"`
	TimestampMS *int64 `json:"timestamp_ms,omitempty"`
}

// Keys are the indexes of the key columns, in the key's order.
func (r *Relation) Keys() []int {
	if r.KeyOrder != nil {
		return slices.Clone(r.KeyOrder)
	}
	var keys []int
	for i, c := range r.Columns {
		if c.Key {
			keys = append(keys, i)
		}
	}
	return keys
}

// Column finds a visible column by its exact name, -1 when there is none.
func (r *Relation) Column(name string) int {
	for i, c := range r.Columns {
		if !c.Hidden && c.Name == name {
			return i
		}
	}
	return -1
}

// Types are all columns, hidden ones included, as a typed list. A windowed table's view has its window's start and end after them.
func (r *Relation) Types() types.Columns {
	list := make(types.Columns, len(r.Columns))
	for i, c := range r.Columns {
		list[i] = types.Column{Name: c.Name, Type: c.Type}
	}
	return list
}

// QueryState is what a query is asked to do; how it fares is the executor's to tell.
type QueryState string

// The states.
const (
	Running QueryState = "RUNNING"
	Paused  QueryState = "PAUSED"
)

// Query is a kept query. It is immutable.
type Query struct {
	ID       string            `json:"id"`
	Text     string            `json:"text"` // of its statement: plans are made anew from it
	Sink     string            `json:"sink"` // the relation it writes
	Sources  []string          `json:"sources"`
	Settings map[string]string `json:"settings,omitempty"` // those that shape the plan, as they were
	State    QueryState        `json:"state"`
	// Fingerprint of the steps that own state: stored state fits plans with the same one.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Topic is a topic a command needs: created when absent.
type Topic struct {
	Name       string            `json:"name"`
	Partitions int32             `json:"partitions"`         // -1: the broker's default
	Replicas   int16             `json:"replicas,omitempty"` // 0: the broker's default
	Configs    map[string]string `json:"configs,omitempty"`
}
