package ast

// NullLit is NULL.
type NullLit struct{ Place }

// BoolLit is TRUE or FALSE.
type BoolLit struct {
	Place
	Value bool
}

// NumberLit is an unsigned number as written: 10, 1.50, 1e3, 0x1F. A minus is a Unary. Its type is the binder's to tell.
type NumberLit struct {
	Place
	Text string
}

// StringLit is a text literal, decoded: 'x', E'x', U&'x' or $$x$$.
type StringLit struct {
	Place
	Value string
}

// BitLit is X'1F' or B'01': the digits as written.
type BitLit struct {
	Place
	Hex    bool // X'…'; else B'…'
	Digits string
}

// TypedLit is a type followed by a string: DATE '2024-01-31', jsonb '{}'.
type TypedLit struct {
	Place
	Type  *TypeName
	Value string
}

// IntervalLit is INTERVAL '1 day' or INTERVAL '1' DAY or INTERVAL 1 DAY.
type IntervalLit struct {
	Place
	Value     string // the text inside the quotes, or the number
	Fields    string // upper case: "", "DAY", "DAY TO SECOND"
	Precision string // of INTERVAL(p) or SECOND(p); else ""
}

// Param is $n: n counts from 1.
type Param struct {
	Place
	Index int
}

// ColumnRef is a possibly qualified column name. A bare word where an option or a setting is expected is one, too.
type ColumnRef struct {
	Place
	Name Name
}

// Star is * or qualifier.* in a select list.
type Star struct {
	Place
	Qualifier Name    // empty for *
	Except    []Ident // * EXCEPT (a, b)
}

// FieldStar is (expr).* or expr->* in a select list: all fields of a composite value.
type FieldStar struct {
	Place
	Expr  Expr
	Arrow bool // written ->*
}

// Unary is a prefix operator. At is the operator's place.
type Unary struct {
	Place
	Op   string // "-", "+", "NOT" or another operator as written
	Expr Expr
}

// Binary is an infix operator. At is the operator's place.
type Binary struct {
	Place
	Op     string // "AND", "OR", "+", "=", "<>", "||", …; != is kept as "!=" and == as "="
	Schema Name   // of OPERATOR(schema.op); else nil
	Left   Expr
	Right  Expr
}

// IsNull is IS [NOT] NULL.
type IsNull struct {
	Place
	Expr Expr
	Not  bool
}

// Truth is what IS TRUE, IS FALSE and IS UNKNOWN ask for.
type Truth uint8

// The three truths.
const (
	True Truth = iota
	False
	Unknown
)

// IsTruth is IS [NOT] TRUE | FALSE | UNKNOWN.
type IsTruth struct {
	Place
	Expr  Expr
	Value Truth
	Not   bool
}

// IsDistinct is IS [NOT] DISTINCT FROM.
type IsDistinct struct {
	Place
	Left  Expr
	Right Expr
	Not   bool
}

// IsJSON is IS [NOT] JSON [VALUE | OBJECT | ARRAY | SCALAR].
type IsJSON struct {
	Place
	Expr Expr
	Kind string // upper case, "" when not given
	Not  bool
}

// Between is [NOT] BETWEEN [SYMMETRIC] low AND high.
type Between struct {
	Place
	Expr      Expr
	Low       Expr
	High      Expr
	Not       bool
	Symmetric bool
}

// LikeKind tells LIKE, ILIKE and SIMILAR TO apart.
type LikeKind uint8

// The kinds of pattern.
const (
	LikeLike LikeKind = iota
	LikeILike
	LikeSimilar
)

// Like is [NOT] LIKE | ILIKE | SIMILAR TO pattern [ESCAPE escape].
type Like struct {
	Place
	Kind    LikeKind
	Expr    Expr
	Pattern Expr
	Escape  Expr // nil when not given
	Not     bool
}

// InList is [NOT] IN (a, b).
type InList struct {
	Place
	Expr Expr
	List []Expr
	Not  bool
}

// InQuery is [NOT] IN (SELECT …).
type InQuery struct {
	Place
	Expr  Expr
	Query *Query
	Not   bool
}

// Exists is EXISTS (SELECT …); NOT EXISTS is a Unary around it.
type Exists struct {
	Place
	Query *Query
}

// Subquery is (SELECT …) as a value.
type Subquery struct {
	Place
	Query *Query
}

// Quantified is left op ANY | ALL (query or array). At is the operator's place.
type Quantified struct {
	Place
	Left   Expr
	Op     string // as in Binary; also "LIKE", "ILIKE", "NOT LIKE", "NOT ILIKE"
	Schema Name   // of OPERATOR(schema.op)
	All    bool   // ALL; else ANY or SOME
	Query  *Query // one of Query and Array
	Array  Expr
}

// When is one branch of a Case.
type When struct {
	Place
	Cond   Expr
	Result Expr
}

// Case is CASE [operand] WHEN … THEN … [ELSE …] END.
type Case struct {
	Place
	Operand Expr // nil for a searched CASE
	Whens   []When
	Else    Expr // nil when not given
}

// CastStyle is how a cast was written.
type CastStyle uint8

// The styles of casts.
const (
	CastFunction CastStyle = iota // CAST(x AS t)
	CastColons                    // x::t
	CastTry                       // TRY_CAST(x AS t)
)

// Cast converts a value to a type.
type Cast struct {
	Place
	Expr  Expr
	Type  *TypeName
	Style CastStyle
}

// AtTimeZone is expr AT TIME ZONE zone.
type AtTimeZone struct {
	Place
	Expr Expr
	Zone Expr
}

// Collate is expr COLLATE name.
type Collate struct {
	Place
	Expr Expr
	Name Name
}

// Call is a function call in any of its forms.
//
// Calls with a syntax of their own carry it in Syntax and have plain arguments in the order of Postgres' functions:
// EXTRACT(f FROM x) is extract('f', x), SUBSTRING(s FROM a FOR n) is substring(s, a, n), POSITION(a IN s) is
// position(s, a), OVERLAY(s PLACING r FROM a FOR n) is overlay(s, r, a, n), TRIM(LEADING c FROM s) is ltrim(s, c);
// CURRENT_DATE and its like have no arguments. So nobody but Format needs to look at Syntax.
type Call struct {
	Place
	Name        Name
	Args        []Expr // NamedArg, Lambda and TableArg among them
	Star        bool   // count(*)
	Distinct    bool   // f(DISTINCT x)
	Variadic    bool   // the last argument is VARIADIC
	OrderBy     []OrderItem
	WithinGroup []OrderItem
	Filter      Expr        // FILTER (WHERE …)
	Over        *WindowSpec // OVER …
	Nulls       string      // "", "IGNORE" or "RESPECT"
	Syntax      CallSyntax
}

// CallSyntax is the written form of a call.
type CallSyntax uint8

// The written forms of calls.
const (
	CallPlain        CallSyntax = iota
	CallKeyword                 // CURRENT_DATE: no parentheses
	CallExtract                 // EXTRACT(f FROM x)
	CallSubstring               // SUBSTRING(s FROM a FOR n)
	CallSubstringFor            // SUBSTRING(s FOR n): arguments s, 1, n
	CallSimilar                 // SUBSTRING(s SIMILAR p ESCAPE e)
	CallPosition                // POSITION(a IN s)
	CallOverlay                 // OVERLAY(s PLACING r FROM a FOR n)
	CallTrimBoth                // TRIM(BOTH c FROM s): btrim
	CallTrimLeading             // TRIM(LEADING c FROM s): ltrim
	CallTrimTrailing            // TRIM(TRAILING c FROM s): rtrim
)

// NamedArg is name := value in a call. Written name => value, it is a Lambda of one parameter: which of them is meant, the
// function called decides.
type NamedArg struct {
	Place
	Name Ident
	Expr Expr
}

// TableArg is TABLE name in a call of a table function.
type TableArg struct {
	Place
	Name Name
}

// Lambda is x => body or (x, y) => body. With one parameter it can also be a named argument (see NamedArg).
type Lambda struct {
	Place
	Params []Ident
	Body   Expr
}

// ArrayCons is ARRAY[a, b].
type ArrayCons struct {
	Place
	Elems []Expr // nested [a, b] without the word ARRAY is an ArrayCons, too
}

// ArrayQuery is ARRAY(SELECT …).
type ArrayQuery struct {
	Place
	Query *Query
}

// MapEntry is key := value.
type MapEntry struct {
	Key   Expr
	Value Expr
}

// MapCons is MAP(k := v, …).
type MapCons struct {
	Place
	Entries []MapEntry
}

// StructField is name := value.
type StructField struct {
	Name  Ident
	Value Expr
}

// StructCons is STRUCT(name := value, …).
type StructCons struct {
	Place
	Fields []StructField
}

// Row is ROW(a, b) or (a, b).
type Row struct {
	Place
	Elems    []Expr
	Explicit bool // the word ROW was written
}

// Subscript is expr[index]: of an array, a map or jsonb.
type Subscript struct {
	Place
	Expr  Expr
	Index Expr
}

// Slice is expr[low:high].
type Slice struct {
	Place
	Expr Expr
	Low  Expr // nil when not given
	High Expr // nil when not given
}

// Field is expr->name or (expr).name. At is the name's place. In a Postgres database, x->name on a jsonb value is the
// operator with a column on its right.
type Field struct {
	Place
	Expr  Expr
	Name  Ident
	Arrow bool // written ->
}

// Default is the word DEFAULT in VALUES and SET.
type Default struct{ Place }

// GroupingKind tells the forms of grouping sets apart.
type GroupingKind uint8

// The kinds of grouping sets.
const (
	GroupingSets GroupingKind = iota
	GroupingRollup
	GroupingCube
	GroupingEmpty // ()
)

// Grouping is GROUPING SETS (…), ROLLUP (…), CUBE (…) or () in GROUP BY; a parenthesised list among its items is a Row.
type Grouping struct {
	Place
	Kind  GroupingKind
	Items []Expr
}

func (*NullLit) expr()     {}
func (*BoolLit) expr()     {}
func (*NumberLit) expr()   {}
func (*StringLit) expr()   {}
func (*BitLit) expr()      {}
func (*TypedLit) expr()    {}
func (*IntervalLit) expr() {}
func (*Param) expr()       {}
func (*ColumnRef) expr()   {}
func (*Star) expr()        {}
func (*FieldStar) expr()   {}
func (*Unary) expr()       {}
func (*Binary) expr()      {}
func (*IsNull) expr()      {}
func (*IsTruth) expr()     {}
func (*IsDistinct) expr()  {}
func (*IsJSON) expr()      {}
func (*Between) expr()     {}
func (*Like) expr()        {}
func (*InList) expr()      {}
func (*InQuery) expr()     {}
func (*Exists) expr()      {}
func (*Subquery) expr()    {}
func (*Quantified) expr()  {}
func (*Case) expr()        {}
func (*Cast) expr()        {}
func (*AtTimeZone) expr()  {}
func (*Collate) expr()     {}
func (*Call) expr()        {}
func (*NamedArg) expr()    {}
func (*TableArg) expr()    {}
func (*Lambda) expr()      {}
func (*ArrayCons) expr()   {}
func (*ArrayQuery) expr()  {}
func (*MapCons) expr()     {}
func (*StructCons) expr()  {}
func (*Row) expr()         {}
func (*Subscript) expr()   {}
func (*Slice) expr()       {}
func (*Field) expr()       {}
func (*Default) expr()     {}
func (*Grouping) expr()    {}
