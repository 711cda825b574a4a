package engine

import (
	"strings"

	"github.com/freshetdb/freshet/executor/task"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/types"
)

// newDatabase is the catalogue of a database in which nothing has been made: it has the node's error stream, and nothing else.
func newDatabase(name string, dialect catalog.Dialect) *catalog.Catalog {
	return catalog.New(name, dialect).With(errorStream(dialect))
}

// errorStream is freshet_errors: the records and rows that kept queries could not use, of all databases, as executor/task writes them.
// It is read-only and cannot be dropped.
func errorStream(dialect catalog.Dialect) *catalog.Relation {
	fold := func(name string) string { return name }
	if dialect == catalog.KsqlDB {
		fold = strings.ToUpper
	}
	r := &catalog.Relation{
		ID: task.ErrorTopic, Name: fold(task.ErrorTopic), Kind: catalog.Stream, Topic: task.ErrorTopic, Partitions: 1,
		KeyFormat: catalog.Format{Name: "KAFKA"}, ValueFormat: catalog.Format{Name: "JSON", Wrapped: true},
		ReadOnly: true, System: true, Comment: "records and rows that queries could not use",
	}
	for _, c := range []struct {
		name string
		t    types.ID
	}{
		{"query_id", types.String},
		{"topic", types.String},
		{"record_partition", types.Int},
		{"record_offset", types.BigInt},
		{"cause", types.String},
		{"payload", types.String},
	} {
		r.Columns = append(r.Columns, catalog.Column{Name: fold(c.name), Field: c.name, Type: types.Of(c.t)})
	}
	r.Text = "CREATE SOURCE STREAM " + r.Name + " (query_id STRING, topic STRING, record_partition INT, record_offset BIGINT, cause STRING, payload STRING) WITH (KAFKA_TOPIC = '" +
		task.ErrorTopic + "', VALUE_FORMAT = 'JSON')"
	return r
}
