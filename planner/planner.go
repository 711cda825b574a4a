// Package planner turns a statement and facts into a command and a plan; it is a pure function.
//
// Requires names what must be looked up, the engine looks it up, Plan decides. Nothing here reads a disk, a socket or a clock.
package planner

import (
	"time"

	"github.com/freshetdb/freshet/planner/explain"
	"github.com/freshetdb/freshet/planner/physical"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Facts is everything a plan may depend on.
type Facts struct {
	Catalog   *catalog.Catalog
	Settings  map[string]string // names in lower case; those absent have their defaults
	Topics    map[string]TopicFacts
	Now       time.Time
	Functions *functions.Registry
	Virtual   map[string]types.Columns // virtual tables by qualified name: pg_catalog.pg_class
	// Objects gives the number pg_catalog has for an object of a kind ("class", "namespace", "type", "role", "proc") by its folded,
	// perhaps qualified name, for 'name'::regclass; nil: there are none. It must be a pure function of the catalogue.
	Objects func(kind, name string) (int64, bool)
	Params  []types.Type // types the client gave to $1, $2 …; Unknown ones are inferred
}

// TopicFacts is what the log says of a topic.
type TopicFacts struct {
	Exists     bool
	Partitions int32
	Retention  string // retention.ms, when it is set on the topic itself
}

// Needs is what Plan will look for in the facts.
type Needs struct {
	Topics []string
}

// Kind says what the engine does with a result.
type Kind uint8

// The kinds of results.
const (
	KindCommand     Kind = iota // append Command to the log; its queries start when it is applied
	KindSelect                  // run Plan once, send its rows
	KindPush                    // run Plan until the client goes away
	KindInsert                  // run Insert.Plan once, write its rows
	KindShow                    // rows from the engine: Show says which
	KindPrint                   // records of a topic: Print
	KindSet                     // Set
	KindTransaction             // Transaction
	KindNothing                 // accepted, nothing to do: Notices say why
)

// Result is a planned statement.
type Result struct {
	Kind       Kind
	Tag        string              // command tag; of selects and inserts the engine adds the count
	Command    *catalog.Command    // KindCommand
	Plan       *physical.Plan      // KindSelect, KindPush; of a KindCommand the first kept plan, for EXPLAIN
	Queries    []QueryPlan         // KindCommand: kept queries that start, planned
	Topics     []catalog.Topic     // KindCommand: to create when absent (also in the command)
	Insert     *Insert             // KindInsert
	Show       Show                // KindShow
	Print      *Print              // KindPrint
	Set        *Set                // KindSet
	Verb       ast.TransactionVerb // KindTransaction
	Columns    types.Columns       // of the rows the client gets; nil: none
	ParamTypes []types.Type        // of $1, $2 …
	Notices    []string
	// Materialise lists tables whose hidden views the plan reads; the engine starts Materialise(relation) for those that do not run.
	Materialise []*catalog.Relation
}

// QueryPlan is a kept query with its plan.
type QueryPlan struct {
	ID   string
	Plan *physical.Plan
}

// Insert is INSERT … VALUES: the rows of Plan become records as Sink says. Plan's columns are the relation's, then ROWTIME (TIMESTAMP)
// where the statement gives it, which Sink.TimeColumn then names. Sink.Input is Plan.Root. A null in a primary key is the
// engine's to refuse (23502), before the first record is written.
type Insert struct {
	Relation *catalog.Relation
	Plan     *physical.Plan
	Sink     *physical.Sink
}

// Show names rows that only the engine knows.
type Show struct {
	What     string // TOPICS, QUERIES, PROPERTIES, SETTING, EXPLAIN
	Name     string // SETTING: its name, "" for all; EXPLAIN: a query's id, to Restart and Explain
	Extended bool
	All      bool
}

// Print is PRINT topic.
type Print struct {
	Topic         string
	FromBeginning bool
	Interval      int64 // print one record in so many
	Limit         int64 // -1: none
}

// Set changes a session's setting, or resets it.
type Set struct {
	Name  string // lower case; "" with Reset: all
	Value string
	Local bool
	Reset bool
}

// Requires names what Plan needs to know about. It never fails: what it cannot make sense of, Plan will refuse.
func Requires(stmt ast.Statement, cat *catalog.Catalog) Needs { return requires(stmt, cat) }

// Plan binds and plans a statement. Errors are *sqlerr.Error with a position. text is the statement's own text, kept in commands.
func Plan(facts Facts, stmt ast.Statement, text string) (*Result, error) {
	return plan(facts, stmt, text)
}

// Explain writes a plan as lines, as EXPLAIN shows it.
func Explain(p *physical.Plan) []string { return explain.Tree(p) }

// Restart plans a kept query of the catalogue anew, from its parsed text. The plan writes the relation as the catalogue knows it.
func Restart(facts Facts, q *catalog.Query, stmt ast.Statement) (*physical.Plan, error) {
	return restart(facts, q, stmt)
}

// Materialise is the hidden kept query behind a table over a topic: its rows by key, as the view named by the relation's id.
func Materialise(r *catalog.Relation, dialect catalog.Dialect) *physical.Plan {
	return materialise(r, dialect)
}

// BindParams is the plan with parameters replaced by values, already of the plan's ParamTypes. The plan itself is not changed.
func BindParams(p *physical.Plan, params []vector.Datum) (*physical.Plan, error) {
	return bindParams(p, params)
}
