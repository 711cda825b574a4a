package planner

import (
	"strings"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
)

// formats chooses the serialisation of a relation whose columns are known: as given, else as the first source's, else as the session's
// settings, else KAFKA keys and JSON values. A key that KAFKA cannot hold is JSON unless KAFKA was asked for.
func (p *planning) formats(rel *catalog.Relation, props *properties, source *catalog.Relation, pos sqlerr.Pos) error {
	var keys, values []*catalog.Column
	for i := range rel.Columns {
		c := &rel.Columns[i]
		c.Field = c.Name
		if c.Key {
			keys = append(keys, c)
		} else {
			values = append(values, c)
		}
	}
	key, err := p.keyFormat(props, source, keys, pos)
	if err != nil {
		return err
	}
	value := first(props.valueFormat, sourceFormat(source, false), strings.ToUpper(p.setting(settingValueFormat)), formatJSON)
	if err := checkValueFormat(value, values, props, pos); err != nil {
		return err
	}
	wrapped := value == formatJSON && (props.wrap == nil || *props.wrap)
	if props.wrap != nil && len(values) != 1 {
		return sqlerr.Newf(sqlerr.InvalidParameterValue, props.at(propertyWrap, pos), "WRAP_SINGLE_VALUE is only for relations with one value column")
	}
	rel.KeyFormat = catalog.Format{Name: key, Wrapped: len(keys) > 1}
	rel.ValueFormat = catalog.Format{Name: value, Wrapped: wrapped || len(values) != 1}
	if len(keys) == 1 {
		keys[0].Field = ""
	}
	if len(values) == 1 && !wrapped {
		values[0].Field = ""
	}
	return p.timeColumn(rel, props, pos)
}

func first(list ...string) string {
	for _, s := range list {
		if s != "" {
			return s
		}
	}
	return ""
}

func sourceFormat(source *catalog.Relation, key bool) string {
	switch {
	case source == nil:
		return ""
	case !key:
		return source.ValueFormat.Name
	case source.KeyFormat.Name == formatNone:
		return ""
	}
	return source.KeyFormat.Name
}

func (p *planning) keyFormat(props *properties, source *catalog.Relation, keys []*catalog.Column, pos sqlerr.Pos) (string, error) {
	if len(keys) == 0 {
		return formatNone, nil
	}
	pos = props.at(propertyKeyFormat, props.at(propertyFormat, pos))
	for _, k := range keys {
		if holdsMap(k.Type) {
			return "", sqlerr.Newf(sqlerr.InvalidTableDefinition, pos, "column %q of type %s cannot be a key: a map has no one spelling", k.Name, k.Type.String())
		}
	}
	asked := props.keyFormat
	if asked == formatNone {
		return "", sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "key format NONE cannot hold the key column %q", keys[0].Name)
	}
	format := first(asked, sourceFormat(source, true), strings.ToUpper(p.setting(settingKeyFormat)), formatKafka)
	if format != formatKafka || kafkaHolds(keys) {
		return format, nil
	}
	if asked == formatKafka {
		return "", sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "key format KAFKA holds one column of type INT, BIGINT, DOUBLE, STRING or BYTES, not (%s)", columnList(keys)).
			WithHint("use KEY_FORMAT = 'JSON'")
	}
	return formatJSON, nil
}

// holdsMap tells whether a type is a map or has one inside.
func holdsMap(t types.Type) bool {
	if t.ID == types.Map || t.Elem != nil && holdsMap(*t.Elem) {
		return true
	}
	for _, f := range t.Fields {
		if holdsMap(f.Type) {
			return true
		}
	}
	return false
}

func columnList(columns []*catalog.Column) string {
	parts := make([]string, len(columns))
	for i, c := range columns {
		parts[i] = c.Name + " " + c.Type.String()
	}
	return strings.Join(parts, ", ")
}

// kafkaHolds tells whether columns fit Kafka's own primitive serialisers.
func kafkaHolds(columns []*catalog.Column) bool {
	if len(columns) != 1 {
		return false
	}
	switch columns[0].Type.ID {
	case types.Int, types.BigInt, types.Double, types.String, types.Bytes:
		return true
	}
	return false
}

func checkValueFormat(format string, values []*catalog.Column, props *properties, pos sqlerr.Pos) error {
	pos = props.at(propertyValueFormat, props.at(propertyFormat, pos))
	switch {
	case format == formatNone:
		return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "format NONE is only for keys")
	case format == formatKafka && !kafkaHolds(values):
		return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "value format KAFKA holds one column of type INT, BIGINT, DOUBLE, STRING or BYTES, not (%s)", columnList(values)).
			WithHint("use VALUE_FORMAT = 'JSON'")
	}
	return nil
}

// timeColumn checks the TIMESTAMP property: a BIGINT or TIMESTAMP column, or text with a format.
func (p *planning) timeColumn(rel *catalog.Relation, props *properties, pos sqlerr.Pos) error {
	if props.timestamp == "" {
		return nil
	}
	pos = props.at(propertyTimestamp, pos)
	at := rel.Column(props.timestamp)
	if at < 0 {
		at = rel.Column(bind.Fold(p.Catalog.Dialect(), ast.Ident{Name: props.timestamp}))
	}
	if at < 0 {
		e := sqlerr.Newf(sqlerr.UndefinedColumn, pos, "column %q named by TIMESTAMP does not exist", props.timestamp)
		if near := bind.Nearest(props.timestamp, columnNames(rel)); near != "" {
			return e.WithHint("did you mean %q?", near)
		}
		return e
	}
	switch id := rel.Columns[at].Type.ID; {
	case id == types.String && props.timestampFormat == "":
		return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "column %q is text: TIMESTAMP needs a TIMESTAMP_FORMAT", props.timestamp)
	case id == types.String:
		return sqlerr.Unsupported(props.at(propertyTimestampFormat, pos), "TIMESTAMP_FORMAT")
	case id != types.BigInt && id != types.Timestamp:
		return sqlerr.Newf(sqlerr.DatatypeMismatch, pos, "column %q is of type %s: event time is BIGINT or TIMESTAMP", props.timestamp, rel.Columns[at].Type.String())
	case props.timestampFormat != "":
		return sqlerr.Newf(sqlerr.InvalidParameterValue, props.at(propertyTimestampFormat, pos), "TIMESTAMP_FORMAT is only for a text column")
	}
	rel.TimeColumn = rel.Columns[at].Name
	return nil
}

func columnNames(rel *catalog.Relation) []string {
	var names []string
	for _, c := range rel.Columns {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// topicOf chooses a relation's topic, and describes it for when it is to be created. What is not said is inherited from the source's
// topic: partitions, and for streams retention, so that what is derived from old records lives as long as they do.
func (p *planning) topicOf(rel *catalog.Relation, props *properties, inherited TopicFacts, pos sqlerr.Pos) (catalog.Topic, error) {
	rel.Topic = first(props.topic, rel.Name)
	if err := validTopic(rel.Topic, props.at(propertyTopic, pos)); err != nil {
		return catalog.Topic{}, err
	}
	topic := catalog.Topic{Name: rel.Topic, Partitions: props.partitions, Replicas: props.replicas, Configs: map[string]string{}}
	if facts := p.Topics[rel.Topic]; facts.Exists {
		if props.partitions != 0 && props.partitions != facts.Partitions {
			return topic, sqlerr.Newf(sqlerr.InvalidParameterValue, props.at(propertyPartitions, pos),
				"topic %q exists with %d partitions, not %d", rel.Topic, facts.Partitions, props.partitions)
		}
		topic.Partitions = facts.Partitions
	}
	if topic.Partitions == 0 {
		topic.Partitions = inherited.Partitions
	}
	if topic.Partitions == 0 {
		topic.Partitions = -1
	}
	rel.Partitions, rel.Replicas = topic.Partitions, props.replicas
	switch {
	case props.cleanup != "":
		topic.Configs["cleanup.policy"] = props.cleanup
	case rel.Kind == catalog.Table:
		topic.Configs["cleanup.policy"] = "compact"
	}
	switch {
	case props.retentionMS != nil:
		topic.Configs["retention.ms"] = itoa(*props.retentionMS)
	case inherited.Retention != "" && rel.Kind == catalog.Stream:
		topic.Configs["retention.ms"] = inherited.Retention
	}
	return topic, nil
}
