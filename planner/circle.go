package planner

import (
	"slices"

	"github.com/freshetdb/freshet/sql/sqlerr"
)

// notCircular refuses a query that would read what it writes, itself or through other queries: it would never come to an end.
func (p *planning) notCircular(sources []string, topic string, pos sqlerr.Pos) error {
	reached := map[string]bool{topic: true}
	for grown := true; grown; {
		grown = false
		for _, q := range p.Catalog.Queries() {
			sink := p.Catalog.Relation(q.Sink)
			if sink != nil && !reached[sink.Topic] && slices.ContainsFunc(q.Sources, func(name string) bool { return p.reads(name, reached) }) {
				reached[sink.Topic], grown = true, true
			}
		}
	}
	for _, name := range sources {
		if p.reads(name, reached) {
			return sqlerr.Newf(sqlerr.InvalidRecursion, pos, "the query would read what it writes to the topic %q, without end", topic).
				WithHint("%q reads that topic, itself or through other queries", name)
		}
	}
	return nil
}

// reads tells whether a relation lies over one of the topics.
func (p *planning) reads(relation string, topics map[string]bool) bool {
	r := p.Catalog.Relation(relation)
	return r != nil && topics[r.Topic]
}
