package planner

import (
	"slices"
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
)

// requires names the topics of relations a statement reads, the topic it creates, and the one it prints.
func requires(stmt ast.Statement, cat *catalog.Catalog) Needs {
	var n Needs
	add := func(topic string) {
		if topic != "" && !slices.Contains(n.Topics, topic) {
			n.Topics = append(n.Topics, topic)
		}
	}
	if e, ok := stmt.(*ast.Explain); ok && e.Statement != nil {
		return requires(e.Statement, cat)
	}
	if p, ok := stmt.(*ast.Print); ok {
		add(p.Topic.Name)
		return n
	}
	c, ok := stmt.(*ast.CreateRelation)
	if !ok {
		return n
	}
	topic := ""
	if len(c.Name) > 0 {
		topic = bind.Fold(cat.Dialect(), c.Name.Last())
	}
	for _, property := range c.With {
		if strings.EqualFold(property.Name.Name, propertyTopic) || strings.EqualFold(property.Name.Name, "topic") {
			if text, isText := property.Value.(*ast.StringLit); isText {
				topic = text.Value
			}
		}
	}
	add(topic)
	ast.Walk(stmt, func(node ast.Node) bool {
		if t, ok := node.(*ast.Table); ok && len(t.Name) > 0 {
			if r := cat.Relation(bind.Fold(cat.Dialect(), t.Name.Last())); r != nil {
				add(r.Topic)
			}
		}
		return true
	})
	return n
}
