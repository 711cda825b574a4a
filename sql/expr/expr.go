// Package expr is bound, typed expressions and their evaluation over chunks.
package expr

import (
	"github.com/freshetdb/freshet/sql/functions"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Expr is a bound expression: every name resolved, every type known, every implicit cast written out.
type Expr interface {
	Type() types.Type
	exprNode()
}

// Column is column Index of the input.
type Column struct {
	Index int
	Name  string // for explain
	Typ   types.Type
}

// Literal is a constant.
type Literal struct{ Value vector.Datum }

// Param is $Number of a prepared statement; replaced by a Literal before a plan runs.
type Param struct {
	Number int // 1-based
	Typ    types.Type
	Pos    sqlerr.Pos
}

// Call is a call of an overload; operators are functions too, named as spelled (`+`, `=`, `||`).
type Call struct {
	Fn   *functions.Overload
	Args []Expr
	Typ  types.Type
	Pos  sqlerr.Pos
}

// Cast is CAST(Arg AS Typ). Try gives null where Arg cannot be cast.
type Cast struct {
	Arg Expr
	Typ types.Type
	Try bool
	Pos sqlerr.Pos
}

// Three-valued logic; the right side is evaluated only for rows the left side leaves open.
type (
	// And is true where both sides are.
	And struct{ Left, Right Expr }
	// Or is true where either side is.
	Or struct{ Left, Right Expr }
	// Not turns true into false and back.
	Not struct{ Arg Expr }
)

// IsNull is Arg IS NULL.
type IsNull struct{ Arg Expr }

// IsDistinct is Left IS DISTINCT FROM Right.
type IsDistinct struct{ Left, Right Expr }

// When is an arm of a Case.
type When struct{ Cond, Then Expr }

// Case is a searched CASE; arms are evaluated only for the rows they are reached by. Else may be nil.
type Case struct {
	Whens []When
	Else  Expr
	Typ   types.Type
}

// Coalesce is the first argument that is not null.
type Coalesce struct {
	Args []Expr
	Typ  types.Type
}

// In is Arg IN (constants), all of Arg's type.
type In struct {
	Arg  Expr
	List []vector.Datum
}

// FieldOf is Arg->Name of a struct, or the member at Index.
type FieldOf struct {
	Arg   Expr
	Index int
	Typ   types.Type
}

func (e *Column) exprNode()     {}
func (e *Literal) exprNode()    {}
func (e *Param) exprNode()      {}
func (e *Call) exprNode()       {}
func (e *Cast) exprNode()       {}
func (e *And) exprNode()        {}
func (e *Or) exprNode()         {}
func (e *Not) exprNode()        {}
func (e *IsNull) exprNode()     {}
func (e *IsDistinct) exprNode() {}
func (e *Case) exprNode()       {}
func (e *Coalesce) exprNode()   {}
func (e *In) exprNode()         {}
func (e *FieldOf) exprNode()    {}

// Type implements Expr.
func (e *Column) Type() types.Type { return e.Typ }

// Type implements Expr.
func (e *Literal) Type() types.Type { return e.Value.Type }

// Type implements Expr.
func (e *Param) Type() types.Type { return e.Typ }

// Type implements Expr.
func (e *Call) Type() types.Type { return e.Typ }

// Type implements Expr.
func (e *Cast) Type() types.Type { return e.Typ }

// Type implements Expr.
func (e *And) Type() types.Type { return types.Of(types.Boolean) }

// Type implements Expr.
func (e *Or) Type() types.Type { return types.Of(types.Boolean) }

// Type implements Expr.
func (e *Not) Type() types.Type { return types.Of(types.Boolean) }

// Type implements Expr.
func (e *IsNull) Type() types.Type { return types.Of(types.Boolean) }

// Type implements Expr.
func (e *IsDistinct) Type() types.Type { return types.Of(types.Boolean) }

// Type implements Expr.
func (e *Case) Type() types.Type { return e.Typ }

// Type implements Expr.
func (e *Coalesce) Type() types.Type { return e.Typ }

// Type implements Expr.
func (e *In) Type() types.Type { return types.Of(types.Boolean) }

// Type implements Expr.
func (e *FieldOf) Type() types.Type { return e.Typ }
