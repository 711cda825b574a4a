package ast

// Visit is called for a node before its children; returning false leaves the children out.
type Visit func(Node) bool

// Walk visits n and everything below it, in the order of the text. Nil nodes are left out. Besides expressions,
// relations, bodies and statements it visits *TypeName, *Window, *WindowSpec, *Within.
func Walk(n Node, visit Visit) {
	if isNil(n) || !visit(n) {
		return
	}
	w := walker(visit)
	switch n := n.(type) {
	case Expr:
		w.expr(n)
	case Relation:
		w.relation(n)
	case Body:
		w.body(n)
	case Statement:
		w.statement(n)
	case *TypeName:
		w.types(n.Key, n.Elem)
		for _, f := range n.Struct {
			w.types(f.Type)
		}
	case *WindowSpec:
		w.exprs(n.PartitionBy)
		w.order(n.OrderBy)
		if n.Frame != nil {
			w.one(n.Frame.Start.Expr)
			if n.Frame.End != nil {
				w.one(n.Frame.End.Expr)
			}
		}
	}
}

type walker Visit

func (w walker) one(e Expr) { Walk(e, Visit(w)) }

func (w walker) exprs(list []Expr) {
	for _, e := range list {
		Walk(e, Visit(w))
	}
}

func (w walker) order(list []OrderItem) {
	for _, o := range list {
		Walk(o.Expr, Visit(w))
	}
}

func (w walker) types(list ...*TypeName) {
	for _, t := range list {
		Walk(t, Visit(w))
	}
}

func (w walker) items(list []SelectItem) {
	for _, i := range list {
		Walk(i.Expr, Visit(w))
	}
}

func (w walker) relations(list []Relation) {
	for _, r := range list {
		Walk(r, Visit(w))
	}
}

func (w walker) query(q *Query) { Walk(q, Visit(w)) }

func (w walker) properties(list []Property) {
	for _, p := range list {
		w.one(p.Value)
	}
}

func (w walker) assignments(list []Assignment) {
	for _, a := range list {
		w.exprs(a.Columns)
		w.one(a.Value)
	}
}
