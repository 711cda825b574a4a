// Package functions is what a function is: signatures, null rule, volatility, help, examples; and a registry of them.
package functions

import (
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Dialect selects the meaning of an overload where ksqlDB and Postgres disagree.
type Dialect uint8

// The dialects; Any serves both.
const (
	Any Dialect = iota
	Postgres
	KsqlDB
)

// NullRule says what a null argument does.
type NullRule uint8

// The null rules.
const (
	NullIfAny NullRule = iota // any null argument: null, the kernel is not asked about that row
	SeesNulls                 // the kernel handles nulls itself
)

// Volatility says when a call may be folded.
type Volatility uint8

// The volatilities of Postgres.
const (
	Immutable Volatility = iota // folded when planned
	Stable                      // same within a statement (now())
	Volatile                    // every row anew (random())
)

// Context is what a kernel may know beside its arguments.
type Context struct {
	Now      int64 // statement time, us since 1970 (kept queries: the clock of the engine's options)
	TimeZone string
	Dialect  Dialect
	Database string // current_database(); empty: "freshet"
	User     string // current_user; empty: "freshet"
	Version  string // Freshet's, for version()
	// RowError takes an error of one row; the row's result is null. Nil means strict: the kernel's error ends the statement.
	RowError func(row int, err *sqlerr.Error)
}

// Kernel computes out for the rows of sel (nil: all n), given evaluated arguments. out has its type set and room for n rows
// (see vector.Vector.Reset); argument vectors may be Const. Rows not in sel may hold anything. A returned error ends the statement;
// errors of single rows go through Fail.
type Kernel func(ctx *Context, args []*vector.Vector, n int, sel []uint16, out *vector.Vector) error

// Fail reports an error of row i: as the row's error when the context takes those (the row becomes null), else as the statement's.
func (c *Context) Fail(out *vector.Vector, row int, err *sqlerr.Error) error {
	if c.RowError == nil {
		return err
	}
	out.SetNull(row)
	c.RowError(row, err)
	return nil
}

// Overload is one signature of a function.
type Overload struct {
	Name       string // lower case
	Dialect    Dialect
	Params     []types.Type // a Decimal without precision takes any decimal
	Variadic   bool         // the last parameter repeats, once or more
	Returns    types.Type
	ReturnType func(args []types.Type) (types.Type, error) // when the result depends on the arguments; nil: Returns
	Nulls      NullRule
	Volatility Volatility
	Kernel     Kernel
	// Specialise, when set, may return a faster kernel for constant arguments (regular expressions, LIKE patterns,
	// formats): consts[i] is the constant vector of argument i or nil. It may refuse a bad constant with an error.
	Specialise func(consts []*vector.Vector, args []types.Type) (Kernel, error)
}

// Function is a name with its overloads and its help.
type Function struct {
	Name      string
	Category  string // string, math, date, ...
	Help      string // one sentence
	Examples  []Example
	Overloads []*Overload
}

// Example is a call and its answer, run as a test.
type Example struct{ SQL, Result string }

// States gives an aggregate the state words of groups: word j of slot s is Words[int(s)*Stride+Offset+j]. The memory holds no
// Go pointers and starts zeroed. Values that do not fit words (text, big lists) live in Arena.
type States struct {
	Words  []uint64
	Stride int
	Offset int
	Arena  Arena
}

// Arena keeps byte values of variable length for states. A handle fits a word; 0 is "none". Handles survive growth, dumps and restarts.
type Arena interface {
	Put(old uint64, b []byte) uint64 // stores b, in place of old when it fits; returns the new handle
	Get(handle uint64) []byte        // a view until the next Put
	Free(handle uint64)
}

// Accumulator is an aggregate bound to argument types: folds over pointer-free state.
type Accumulator interface {
	// Width is the number of state words a group needs. Zeroed words are the state of no rows.
	Width() int
	// ArenaWords are the indexes of state words that hold arena handles.
	ArenaWords() []int
	// Add folds rows in: row rows[i] of the arguments goes to slot slots[i]. args are dense vectors, possibly Const.
	Add(st States, args []*vector.Vector, rows []uint16, slots []uint32) error
	// Undo takes rows out again (changes of tables). Only called when Undoable.
	Undo(st States, args []*vector.Vector, rows []uint16, slots []uint32) error
	Undoable() bool
	// Result appends the value of each slot to out, starting at row at.
	Result(st States, slots []uint32, out *vector.Vector, at int) error
}

// Aggregate is one signature of an aggregate function.
type Aggregate struct {
	Name    string
	Dialect Dialect
	Params  []types.Type // empty with Star: COUNT(*)
	Star    bool
	// Bind checks argument types and gives the result type and a constructor of accumulators.
	Bind func(args []types.Type, distinct bool) (types.Type, func() Accumulator, error)
	Help string
}
