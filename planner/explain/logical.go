package explain

import (
	"fmt"
	"strings"

	"github.com/freshetdb/freshet/planner/logical"
	"github.com/freshetdb/freshet/sql/expr"
)

// Logical is a logical plan as lines, one a node: for tests of the rules that rewrite it.
func Logical(n logical.Node) []string {
	var lines []string
	writeLogical(n, 0, &lines)
	return lines
}

func writeLogical(n logical.Node, depth int, lines *[]string) {
	*lines = append(*lines, strings.Repeat("  ", depth)+logicalText(n))
	for _, in := range n.Inputs() {
		writeLogical(in, depth+1, lines)
	}
}

func logicalText(n logical.Node) string {
	var columns []string
	for _, c := range n.Schema() {
		columns = append(columns, c.Name)
	}
	list := "[" + strings.Join(columns, ", ") + "]"
	switch n := n.(type) {
	case *logical.Source:
		text := "source " + n.Relation.Name + " " + list
		var textSb34 strings.Builder
		for _, k := range n.Keys {
			textSb34.WriteString(" key (" + exprs(k) + ")")
		}
		text += textSb34.String()
		return text
	case *logical.Virtual:
		return "virtual " + n.Name + " " + list
	case *logical.Values:
		rows := make([]string, len(n.Rows))
		for i, r := range n.Rows {
			rows[i] = "(" + exprs(r) + ")"
		}
		return "values " + strings.Join(rows, ", ")
	case *logical.Filter:
		return "filter " + expr.String(n.Cond)
	case *logical.Project:
		return "project " + exprs(n.Exprs) + " as " + list
	case *logical.Aggregate:
		aggs := make([]string, len(n.Aggs))
		for i, a := range n.Aggs {
			aggs[i] = a.Name + "(" + exprs(a.Args) + ")"
		}
		return "aggregate by " + exprs(n.Keys) + ": " + strings.Join(aggs, ", ")
	case *logical.Join:
		kind := map[logical.JoinKind]string{logical.Inner: "inner", logical.Left: "left", logical.Right: "right", logical.Full: "full", logical.Cross: "cross"}[n.Kind]
		if n.On == nil {
			return kind + " join"
		}
		return kind + " join on " + expr.String(n.On)
	case *logical.Sort:
		keys := make([]string, len(n.Keys))
		for i, k := range n.Keys {
			keys[i] = expr.String(k.Expr)
		}
		if n.Top >= 0 {
			return fmt.Sprintf("top %d by %s", n.Top, strings.Join(keys, ", "))
		}
		return "sort by " + strings.Join(keys, ", ")
	case *logical.Limit:
		text := "limit"
		if n.Count != nil {
			text += " " + expr.String(n.Count)
		}
		if n.Offset != nil {
			text += " offset " + expr.String(n.Offset)
		}
		return text
	case *logical.Distinct:
		return "distinct"
	case *logical.Union:
		return "union"
	}
	return "node"
}
