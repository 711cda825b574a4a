package ast

// Insert is INSERT INTO … VALUES | SELECT.
type Insert struct {
	Extent
	With       *With
	Table      Name
	Alias      Ident
	Columns    []Ident
	Properties []Property // ksqlDB's INSERT INTO s WITH (QUERY_ID = …) SELECT
	Query      *Query     // its Body is *Values for INSERT … VALUES; nil for DEFAULT VALUES
	Overriding string     // "", "SYSTEM", "USER"
	OnConflict *OnConflict
	Returning  []SelectItem
}

// OnConflict is ON CONFLICT [(columns)] DO NOTHING | UPDATE SET ….
type OnConflict struct {
	Place
	Columns    []Expr
	Constraint Ident
	Where      Expr         // of the index
	Update     []Assignment // empty for DO NOTHING
	When       Expr         // WHERE of the update
}

// Assignment is column = expr, or (a, b) = row.
type Assignment struct {
	Place
	Columns []Expr // *ColumnRef, *Subscript or *Field each; one unless Multiple
	Multi   bool   // written in parentheses
	Value   Expr   // *Default among them
}

// Update is UPDATE t SET … [FROM …] [WHERE …].
type Update struct {
	Extent
	With      *With
	Table     *Table
	Set       []Assignment
	From      []Relation
	Where     Expr
	Returning []SelectItem
}

// Delete is DELETE FROM t [USING …] [WHERE …].
type Delete struct {
	Extent
	With      *With
	Table     *Table
	Using     []Relation
	Where     Expr
	Returning []SelectItem
}

// Copy is COPY t | (query) FROM | TO ….
type Copy struct {
	Extent
	Table   Name
	Columns []Ident
	Query   Statement // COPY (query) TO; nil for a table
	From    bool
	Target  string // "STDIN", "STDOUT" or a file name
	Program bool
	Options []Property
	Where   Expr
}
