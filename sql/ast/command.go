package ast

// Explain is EXPLAIN [ANALYZE] [(options)] statement, or of a running query by its id.
type Explain struct {
	Extent
	Analyze   bool
	Verbose   bool
	Options   []Property
	Statement Statement // nil when QueryID is given
	QueryID   Ident
}

// Show is SHOW or LIST of objects; a setting is ShowSetting.
type Show struct {
	Extent
	// What is upper case and singular words are not changed: "STREAMS", "TABLES", "TOPICS", "QUERIES", "PROPERTIES",
	// "FUNCTIONS", "TYPES", "VARIABLES", "CONNECTORS", "SOURCE CONNECTORS", "SINK CONNECTORS", "CONNECTOR PLUGINS",
	// "VIEWS", "MATERIALIZED VIEWS", "INDEXES", "COLUMNS", "CREATE TABLE", ….
	What     string
	All      bool // SHOW ALL TOPICS
	Extended bool
	List     bool // written LIST
	From     Name // SHOW COLUMNS FROM t, SHOW CREATE TABLE t
	Like     Expr
	Where    Expr
}

// ShowSetting is SHOW name, SHOW ALL.
type ShowSetting struct {
	Extent
	Name Name // empty for ALL
}

// Describe is DESCRIBE [kind] name [EXTENDED], or DESCRIBE STREAMS | TABLES [EXTENDED].
type Describe struct {
	Extent
	Kind     ObjectKind // "" for a relation; Function, Connector, …
	All      string     // "STREAMS" or "TABLES"; else ""
	Name     Name
	Extended bool
}

// ControlVerb is what a QueryControl does.
type ControlVerb string

// The verbs.
const (
	Terminate ControlVerb = "TERMINATE"
	Pause     ControlVerb = "PAUSE"
	Resume    ControlVerb = "RESUME"
)

// QueryControl is TERMINATE, PAUSE or RESUME of a running query or all of them.
type QueryControl struct {
	Extent
	Verb    ControlVerb
	Query   Ident
	All     bool
	Cluster bool // TERMINATE CLUSTER
}

// SetScope is how long a Set lasts.
type SetScope uint8

// The scopes.
const (
	ScopeSession SetScope = iota
	ScopeLocal            // until the end of the transaction
)

// Set is SET name = | TO values, SET TIME ZONE, SET NAMES, SET 'name' = 'value'.
type Set struct {
	Extent
	Scope    SetScope
	Explicit bool   // SESSION or LOCAL was written
	Name     Name   // a quoted ksqlDB property is one quoted part; "timezone" for TIME ZONE, "client_encoding" for NAMES
	Values   []Expr // a bare word is a *ColumnRef; empty for DEFAULT
	Current  bool   // FROM CURRENT
}

// Reset is RESET name, RESET ALL, and ksqlDB's UNSET 'name'.
type Reset struct {
	Extent
	Name Name // empty for ALL
}

// SetConstraints is SET CONSTRAINTS ….
type SetConstraints struct {
	Extent
	Names    []Name // empty for ALL
	Deferred bool
}

// Print is PRINT topic ….
type Print struct {
	Extent
	Topic         Ident
	FromBeginning bool
	Interval      Expr // INTERVAL n or SAMPLE n; nil when not given
	Limit         Expr
}

// TransactionVerb is what a Transaction does.
type TransactionVerb string

// The verbs.
const (
	Begin            TransactionVerb = "BEGIN"
	StartTransaction TransactionVerb = "START TRANSACTION"
	Commit           TransactionVerb = "COMMIT"
	End              TransactionVerb = "END"
	Rollback         TransactionVerb = "ROLLBACK"
	Abort            TransactionVerb = "ABORT"
	Savepoint        TransactionVerb = "SAVEPOINT"
	Release          TransactionVerb = "RELEASE"
	RollbackTo       TransactionVerb = "ROLLBACK TO"
	SetTransaction   TransactionVerb = "SET TRANSACTION"
	SetSession       TransactionVerb = "SET SESSION CHARACTERISTICS AS TRANSACTION"
)

// Transaction is BEGIN, COMMIT and their like.
type Transaction struct {
	Extent
	Verb  TransactionVerb
	Name  Ident    // of a savepoint
	Modes []string // "ISOLATION LEVEL SERIALIZABLE", "READ ONLY", "NOT DEFERRABLE", …
	Chain bool     // AND CHAIN
}

// DeclareCursor is DECLARE name CURSOR FOR query.
type DeclareCursor struct {
	Extent
	Name         Ident
	Binary       bool
	Insensitive  string // "", "INSENSITIVE", "ASENSITIVE"
	Scroll       string // "", "SCROLL", "NO SCROLL"
	Hold         bool
	Query        *Query
	Subscription Name // SUBSCRIPTION CURSOR FOR name
}

// Fetch is FETCH or MOVE.
type Fetch struct {
	Extent
	Move      bool
	Direction string // "NEXT", "PRIOR", "FIRST", "LAST", "ABSOLUTE", "RELATIVE", "FORWARD", "BACKWARD"
	Count     int64  // rows; of ABSOLUTE and RELATIVE the position; 1 when not given
	Counted   bool   // a count was written
	All       bool   // FETCH ALL, FETCH FORWARD ALL
	Cursor    Ident
	With      []Property // WITH (timeout = …)
}

// Close is CLOSE name or CLOSE ALL.
type Close struct {
	Extent
	Cursor Ident
	All    bool
}

// Prepare is PREPARE name [(types)] AS statement.
type Prepare struct {
	Extent
	Name      Ident
	Types     []*TypeName
	Statement Statement
}

// Execute is EXECUTE name [(args)].
type Execute struct {
	Extent
	Name Ident
	Args []Expr
}

// Deallocate is DEALLOCATE [PREPARE] name | ALL.
type Deallocate struct {
	Extent
	Name Ident
	All  bool
}

// Discard is DISCARD ALL | PLANS | SEQUENCES | TEMP.
type Discard struct {
	Extent
	What string
}

// Assert is ksqlDB's ASSERT of a topic, a schema, values or a relation.
type Assert struct {
	Extent
	What      string // "TOPIC", "SCHEMA", "VALUES", "NULL VALUES", "STREAM", "TABLE"
	NotExists bool
	Name      Ident // topic, or relation
	Subject   Ident // of a schema
	ID        Expr  // of a schema
	Columns   []Ident
	Values    []Expr
	Relation  *CreateRelation // of STREAM and TABLE: columns and WITH
	With      []Property
	Timeout   *Duration
}

// Define is DEFINE name = 'value'.
type Define struct {
	Extent
	Name  Ident
	Value string
}

// Undefine is UNDEFINE name.
type Undefine struct {
	Extent
	Name Ident
}

// RunScript is RUN SCRIPT 'file'.
type RunScript struct {
	Extent
	File string
}

// Spool is SPOOL 'file' or SPOOL OFF.
type Spool struct {
	Extent
	File string // "" for OFF
}

// Wait is WAIT or FLUSH: returns when views have seen all prior writes.
type Wait struct {
	Extent
	Flush bool // written FLUSH
}

// Listen is LISTEN, UNLISTEN and NOTIFY.
type Listen struct {
	Extent
	Verb    string // "LISTEN", "UNLISTEN", "NOTIFY"
	Channel Ident  // zero for UNLISTEN *
	Payload string
}

// Maintain is a maintenance command: VACUUM, ANALYZE, CHECKPOINT, REINDEX, CLUSTER, LOCK and their like.
type Maintain struct {
	Extent
	Verb    string // upper case, with the words after it: "VACUUM FULL", "LOCK TABLE"
	Names   []Name
	Columns []Ident
	Options []Property
	Mode    string // of LOCK
}

// Do is DO 'body' [LANGUAGE name].
type Do struct {
	Extent
	Body     string
	Language Ident
}

// CallProcedure is CALL f(args).
type CallProcedure struct {
	Extent
	Call Expr
}

// Use is USE database.
type Use struct {
	Extent
	Name Ident
}

// Kill is KILL process.
type Kill struct {
	Extent
	ID Expr
}
