package ast

// ObjectKind is a kind of named object, as its keywords in upper case.
type ObjectKind string

// The kinds of objects statements name.
const (
	Stream           ObjectKind = "STREAM"
	TableObject      ObjectKind = "TABLE"
	View             ObjectKind = "VIEW"
	MaterializedView ObjectKind = "MATERIALIZED VIEW"
	Index            ObjectKind = "INDEX"
	TypeObject       ObjectKind = "TYPE"
	Domain           ObjectKind = "DOMAIN"
	Connector        ObjectKind = "CONNECTOR"
	SourceConnector  ObjectKind = "SOURCE CONNECTOR"
	SinkConnector    ObjectKind = "SINK CONNECTOR"
	Function         ObjectKind = "FUNCTION"
	Aggregate        ObjectKind = "AGGREGATE"
	Procedure        ObjectKind = "PROCEDURE"
	Database         ObjectKind = "DATABASE"
	Schema           ObjectKind = "SCHEMA"
	Sequence         ObjectKind = "SEQUENCE"
	Role             ObjectKind = "ROLE"
	User             ObjectKind = "USER"
	Extension        ObjectKind = "EXTENSION"
	Source           ObjectKind = "SOURCE"
	Sink             ObjectKind = "SINK"
	Subscription     ObjectKind = "SUBSCRIPTION"
	Connection       ObjectKind = "CONNECTION"
	Secret           ObjectKind = "SECRET"
	Column           ObjectKind = "COLUMN"
	Constraint       ObjectKind = "CONSTRAINT"
	Trigger          ObjectKind = "TRIGGER"
	Rule             ObjectKind = "RULE"
	Policy           ObjectKind = "POLICY"
	Tablespace       ObjectKind = "TABLESPACE"
	Language         ObjectKind = "LANGUAGE"
	Topic            ObjectKind = "TOPIC"
)

// CreateRelation is CREATE STREAM | TABLE, with columns, with a query or both, and RisingWave's CREATE SOURCE.
type CreateRelation struct {
	Extent
	Kind        ObjectKind // Stream, TableObject, Source
	OrReplace   bool
	ReadOnly    bool // ksqlDB's CREATE SOURCE STREAM | TABLE
	Temporary   bool
	IfNotExists bool
	Name        Name
	Columns     []ColumnDef
	Names       []Ident // CREATE TABLE t (a, b) AS …: column names without types
	Constraints []TableConstraint
	Watermarks  []Watermark
	Like        []Name // CREATE TABLE t (LIKE other)
	AppendOnly  bool
	OnConflict  string  // "", "OVERWRITE", "IGNORE", "DO UPDATE IF NOT NULL": what a second row of a key does
	Version     []Ident // WITH VERSION COLUMN (…)
	With        []Property
	Format      *FormatClause // FORMAT PLAIN ENCODE JSON (…)
	Include     []IncludeColumn
	As          *Query
	NoData      bool // WITH NO DATA
	Inherits    []Name
	OnCommit    string // of a temporary table, upper case
	PartitionBy string // LIST (k): how the table is divided, as written
	PartitionOf Name   // the table this one is a part of
	Bound       string // FOR VALUES …, as written
}

// KeyKind is a column's mark as part of the key.
type KeyKind uint8

// The marks.
const (
	KeyNone    KeyKind = iota
	KeyPart            // KEY, of a stream
	KeyPrimary         // PRIMARY KEY
)

// Headers is HEADERS or HEADER('name') on a column.
type Headers struct {
	Place
	Name string // "" for HEADERS: all of them
}

// ColumnDef is a column with its type and marks.
type ColumnDef struct {
	Place
	Name        Ident
	Type        *TypeName // nil where a generated column leaves it out
	Key         KeyKind
	Headers     *Headers
	NotNull     bool
	Null        bool // the word NULL was written
	Unique      bool
	Default     Expr
	Check       Expr
	Generated   Expr // AS expr, GENERATED ALWAYS AS (expr)
	Collate     Name
	References  *References
	Identity    string // "", "ALWAYS", "BY DEFAULT": GENERATED … AS IDENTITY
	Constraint  Ident  // name given to the column's constraint
	Watermarked bool
}

// References is REFERENCES table (columns) [actions].
type References struct {
	Table   Name
	Columns []Ident
	Actions string // upper case words, as written
}

// TableConstraint is PRIMARY KEY, UNIQUE, CHECK or FOREIGN KEY as an element of a table.
type TableConstraint struct {
	Place
	Name       Ident
	Kind       string // "PRIMARY KEY", "UNIQUE", "CHECK", "FOREIGN KEY"
	Columns    []Ident
	Check      Expr
	References *References
}

// Watermark is WATERMARK FOR column AS expr.
type Watermark struct {
	Place
	Column Ident
	Expr   Expr
	TTL    bool // WITH TTL
}

// FormatClause is FORMAT word ENCODE word (properties).
type FormatClause struct {
	Place
	Format     Ident
	Encode     Ident
	Properties []Property
	KeyEncode  Ident // KEY ENCODE word (properties)
	KeyOptions []Property
}

// IncludeColumn is INCLUDE what [AS name].
type IncludeColumn struct {
	Place
	What  Ident
	Field string // INCLUDE HEADER 'field'
	Type  *TypeName
	Alias Ident
}

// CreateView is CREATE [MATERIALIZED] VIEW.
type CreateView struct {
	Extent
	Materialized bool
	OrReplace    bool
	Temporary    bool
	Recursive    bool
	IfNotExists  bool
	Name         Name
	Columns      []Ident
	With         []Property
	Query        *Query
	NoData       bool // WITH NO DATA
}

// CreateIndex is CREATE [UNIQUE] INDEX.
type CreateIndex struct {
	Extent
	Unique       bool
	Concurrently bool
	IfNotExists  bool
	Name         Ident // zero when not given
	Table        Name
	Method       Ident
	Columns      []IndexColumn
	Include      []Expr
	Distribute   []Expr // DISTRIBUTED BY (…)
	With         []Property
	Where        Expr
}

// IndexColumn is one key of an index.
type IndexColumn struct {
	OrderItem
	OpClass Name
}

// CreateType is CREATE TYPE name AS type | AS ENUM (…) | AS (fields), and CREATE DOMAIN.
type CreateType struct {
	Extent
	Kind        ObjectKind // TypeObject, Domain
	IfNotExists bool
	Name        Name
	Type        *TypeName // an alias; nil for the others
	Labels      []string  // AS ENUM
	Enum        bool
	Fields      []TypeField // AS (a int, b text)
	NotNull     bool
	Check       Expr
}

// CreateConnector is CREATE SOURCE | SINK CONNECTOR.
type CreateConnector struct {
	Extent
	Sink        bool
	OrReplace   bool
	IfNotExists bool
	Name        Ident
	With        []Property
}

// CreateSink is RisingWave's CREATE SINK [INTO table] [FROM relation | AS query].
type CreateSink struct {
	Extent
	Kind        ObjectKind // Sink, Subscription
	IfNotExists bool
	OrReplace   bool
	Name        Name
	Into        Name
	Columns     []Ident
	From        Name
	Query       *Query
	With        []Property
	Format      *FormatClause
}

// FunctionParam is one parameter of a function.
type FunctionParam struct {
	Mode    string // "", "IN", "OUT", "INOUT", "VARIADIC"
	Name    Ident
	Type    *TypeName
	Default Expr
}

// CreateFunction is CREATE FUNCTION | AGGREGATE | PROCEDURE.
type CreateFunction struct {
	Extent
	Kind        ObjectKind
	OrReplace   bool
	Temporary   bool
	IfNotExists bool
	Name        Name
	Params      []FunctionParam
	Returns     *TypeName
	Table       []ColumnDef // RETURNS TABLE (…)
	Language    Ident
	Body        string     // AS 'body'
	Link        string     // AS 'object', 'symbol' or USING LINK
	Return      Expr       // RETURN expr
	Options     []Property // IMMUTABLE, STRICT … as names; WITH (…)
}

// CreateObject creates what has no clauses of its own: a database, schema, role, user, sequence, extension, connection, secret.
type CreateObject struct {
	Extent
	Kind          ObjectKind
	OrReplace     bool
	Temporary     bool
	IfNotExists   bool
	Name          Name
	Options       []Property // name [= value], in the order written
	Parenthesised bool       // options were written as WITH (…)
	As            Expr
}

// Drop is DROP kind [IF EXISTS] names ….
type Drop struct {
	Extent
	Kind         ObjectKind
	Concurrently bool
	IfExists     bool
	Names        []Name
	Args         [][]*TypeName // of functions; nil entries: no list written
	On           Name          // DROP TRIGGER t ON table
	DeleteTopic  bool
	Cascade      bool
	Restrict     bool
}

// AlterKind is what an Alter does.
type AlterKind string

// The actions of ALTER.
const (
	AlterAddColumn      AlterKind = "ADD COLUMN"
	AlterDropColumn     AlterKind = "DROP COLUMN"
	AlterRename         AlterKind = "RENAME TO"
	AlterRenameColumn   AlterKind = "RENAME COLUMN"
	AlterRenameOther    AlterKind = "RENAME CONSTRAINT"
	AlterColumnType     AlterKind = "ALTER COLUMN TYPE"
	AlterSetDefault     AlterKind = "SET DEFAULT"
	AlterDropDefault    AlterKind = "DROP DEFAULT"
	AlterSetNotNull     AlterKind = "SET NOT NULL"
	AlterDropNotNull    AlterKind = "DROP NOT NULL"
	AlterAddConstraint  AlterKind = "ADD CONSTRAINT"
	AlterDropConstraint AlterKind = "DROP CONSTRAINT"
	AlterOwner          AlterKind = "OWNER TO"
	AlterSetSchema      AlterKind = "SET SCHEMA"
	AlterSet            AlterKind = "SET"   // SET name = value, SET (name = value)
	AlterReset          AlterKind = "RESET" // RESET name
	AlterSwap           AlterKind = "SWAP WITH"
	AlterOther          AlterKind = "OTHER" // words understood but without a meaning here
)

// AlterAction is one action of an ALTER.
type AlterAction struct {
	Place
	Kind       AlterKind
	IfExists   bool // or IF NOT EXISTS, of an addition
	Column     ColumnDef
	Name       Ident // the object acted on: old name, column, constraint
	NewName    Name
	Type       *TypeName
	Expr       Expr
	Constraint *TableConstraint
	Options    []Property
	Words      string // of AlterOther, upper case
	Cascade    bool
}

// Alter is ALTER kind [IF EXISTS] name actions.
type Alter struct {
	Extent
	Kind     ObjectKind
	IfExists bool
	Name     Name
	Args     []*TypeName // of functions
	Actions  []AlterAction
}

// AlterSystem is ALTER SYSTEM SET name = value, with or without SET.
type AlterSystem struct {
	Extent
	Name  Name
	Value Expr // nil for DEFAULT
}

// Comment is COMMENT ON kind name IS text.
type Comment struct {
	Extent
	Kind ObjectKind
	Name Name
	Args []*TypeName // of functions
	On   Name        // of constraints, triggers
	Text *string     // nil for NULL
}

// Grant is GRANT or REVOKE.
type Grant struct {
	Extent
	Revoke      bool
	Privileges  []Property // name and, as its value, a Row of columns; ALL [PRIVILEGES] is the name ALL
	Kind        ObjectKind // "" for roles
	AllIn       bool       // ALL TABLES IN SCHEMA
	Names       []Name
	Roles       []Ident
	GrantOption bool
	GrantedBy   Ident
	Cascade     bool
}

// Truncate is TRUNCATE [TABLE] names.
type Truncate struct {
	Extent
	Names   []Name
	Restart bool
	Cascade bool
}

// Refresh is REFRESH MATERIALIZED VIEW name.
type Refresh struct {
	Extent
	Kind         ObjectKind
	Concurrently bool
	Name         Name
	NoData       bool
}
