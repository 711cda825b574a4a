package planner

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/freshetdb/freshet/planner/bind"
	"github.com/freshetdb/freshet/sql/ast"
	"github.com/freshetdb/freshet/sql/catalog"
	"github.com/freshetdb/freshet/sql/sqlerr"
	"github.com/freshetdb/freshet/sql/types"
	"github.com/freshetdb/freshet/sql/vector"
)

// Names of WITH properties. Those of ksqlDB, and ours: "from", where queries begin reading; "on_error", what a bad record does.
const (
	propertyTopic           = "kafka_topic"
	propertyFormat          = "format"
	propertyKeyFormat       = "key_format"
	propertyValueFormat     = "value_format"
	propertyPartitions      = "partitions"
	propertyReplicas        = "replicas"
	propertyTimestamp       = "timestamp"
	propertyTimestampFormat = "timestamp_format"
	propertyWrap            = "wrap_single_value"
	propertyWindowType      = "window_type"
	propertyWindowSize      = "window_size"
	propertyRetention       = "retention_ms"
	propertyCleanup         = "cleanup_policy"
	propertyFrom            = "from"
	propertyOnError         = "on_error"
)

var knownProperties = []string{
	propertyTopic, propertyFormat, propertyKeyFormat, propertyValueFormat, propertyPartitions, propertyReplicas, propertyTimestamp,
	propertyTimestampFormat, propertyWrap, propertyWindowType, propertyWindowSize, propertyRetention, propertyCleanup, propertyFrom, propertyOnError,
}

// Other spellings, of Flink and RisingWave habit.
var propertyAliases = map[string]string{"topic": propertyTopic, "start": propertyFrom}

// laterProperties are ksqlDB's that belong to formats not served yet.
var laterProperties = map[string]bool{
	"key_schema_id": true, "value_schema_id": true, "key_schema_full_name": true, "value_schema_full_name": true, "value_avro_schema_full_name": true,
	"key_protobuf_nullable_representation": true, "value_protobuf_nullable_representation": true, "key_delimiter": true, "value_delimiter": true,
	"sourced_by_connector": true, "source_connector": true, "query_id": true,
}

// properties is a WITH list, checked.
type properties struct {
	topic                  string
	keyFormat, valueFormat string // upper case; "": not given
	partitions             int32  // 0: not given
	replicas               int16
	timestamp              string // column, as written: ksqlDB folds it like a name
	timestampFormat        string
	wrap                   *bool
	window                 *catalog.Window
	retentionMS            *int64
	cleanup                string
	start                  catalog.Start
	stopOnError            bool
	places                 map[string]sqlerr.Pos // of each property given
}

// at is where a property was given, the statement's place when it was not.
func (p *properties) at(name string, otherwise sqlerr.Pos) sqlerr.Pos {
	if pos, ok := p.places[name]; ok {
		return pos
	}
	return otherwise
}

func (p *planning) properties(list []ast.Property) (*properties, error) {
	out := &properties{places: map[string]sqlerr.Pos{}}
	windowType, windowSize := "", int64(0)
	for _, property := range list {
		name := strings.ToLower(property.Name.Name)
		if alias, ok := propertyAliases[name]; ok {
			name = alias
		}
		if laterProperties[name] {
			return nil, sqlerr.Unsupported(property.Name.At, "the property "+strings.ToUpper(name))
		}
		if _, twice := out.places[name]; twice {
			return nil, sqlerr.Newf(sqlerr.SyntaxError, property.Name.At, "property %q is given twice", name)
		}
		out.places[name] = property.Name.At
		value, err := propertyText(property)
		if err != nil {
			return nil, err
		}
		switch name {
		case propertyWindowType:
			windowType = strings.ToUpper(value)
		case propertyWindowSize:
			if windowSize, err = durationMS(value, property); err != nil {
				return nil, err
			}
		default:
			if err := p.property(out, name, value, property); err != nil {
				return nil, err
			}
		}
	}
	if windowType != "" || windowSize != 0 {
		if windowType != "TUMBLING" {
			return nil, sqlerr.Unsupported(out.at(propertyWindowType, 0), "WINDOW_TYPE "+strconv.Quote(windowType))
		}
		if windowSize <= 0 {
			return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, out.at(propertyWindowType, 0), "WINDOW_TYPE TUMBLING needs a WINDOW_SIZE")
		}
		out.window = &catalog.Window{Kind: windowType, SizeMS: windowSize, AdvanceMS: windowSize}
	}
	if out.timestampFormat != "" && out.timestamp == "" {
		return nil, sqlerr.Newf(sqlerr.InvalidParameterValue, out.places[propertyTimestampFormat], "TIMESTAMP_FORMAT needs the property TIMESTAMP")
	}
	return out, nil
}

// property checks and keeps one value.
func (p *planning) property(out *properties, name, value string, property ast.Property) error {
	pos := property.Name.At
	switch name {
	case propertyTopic:
		out.topic = value
		return validTopic(value, pos)
	case propertyFormat:
		if out.keyFormat != "" || out.valueFormat != "" {
			return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "FORMAT cannot be given beside KEY_FORMAT or VALUE_FORMAT")
		}
		out.keyFormat, out.valueFormat = strings.ToUpper(value), strings.ToUpper(value)
		return knownFormat(out.valueFormat, pos)
	case propertyKeyFormat:
		if _, both := out.places[propertyFormat]; both {
			return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "FORMAT cannot be given beside KEY_FORMAT or VALUE_FORMAT")
		}
		out.keyFormat = strings.ToUpper(value)
		return knownFormat(out.keyFormat, pos)
	case propertyValueFormat:
		if _, both := out.places[propertyFormat]; both {
			return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "FORMAT cannot be given beside KEY_FORMAT or VALUE_FORMAT")
		}
		out.valueFormat = strings.ToUpper(value)
		return knownFormat(out.valueFormat, pos)
	case propertyPartitions:
		n, err := wholeNumber(value, 1, 100_000, property)
		out.partitions = int32(n)
		return err
	case propertyReplicas:
		n, err := wholeNumber(value, 1, 1000, property)
		out.replicas = int16(n)
		return err
	case propertyTimestamp:
		out.timestamp = value
	case propertyTimestampFormat:
		out.timestampFormat = value
	case propertyWrap:
		v, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return badProperty(property, value, "true or false")
		}
		out.wrap = &v
	case propertyRetention:
		n, err := wholeNumber(value, -1, 1<<62, property)
		out.retentionMS = &n
		return err
	case propertyCleanup:
		out.cleanup = strings.ToLower(value)
		if out.cleanup != "delete" && out.cleanup != "compact" && out.cleanup != "compact,delete" && out.cleanup != "delete,compact" {
			return badProperty(property, value, "delete, compact or both")
		}
	case propertyOnError:
		if !strings.EqualFold(value, "stop") && !strings.EqualFold(value, "skip") {
			return badProperty(property, value, "skip or stop")
		}
		out.stopOnError = strings.EqualFold(value, "stop")
	case propertyFrom:
		return p.startProperty(out, value, property)
	default:
		e := sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "invalid config variable in the WITH clause: %q", property.Name.Name)
		if near := bind.Nearest(name, knownProperties); near != "" {
			return e.WithHint("did you mean %q?", strings.ToUpper(near))
		}
		return e.WithHint("the properties are %s", strings.ToUpper(strings.Join(knownProperties, ", ")))
	}
	return nil
}

func (p *planning) startProperty(out *properties, value string, property ast.Property) error {
	switch strings.ToLower(value) {
	case "earliest":
		return nil
	case "latest":
		out.start.Latest = true
		return nil
	}
	d, err := vector.ParseText(types.Of(types.Timestamp), value, time.UTC)
	if err != nil {
		return badProperty(property, value, "earliest, latest or a timestamp")
	}
	ms := d.I / 1000
	out.start.TimestampMS = &ms
	return nil
}

func badProperty(property ast.Property, value, want string) error {
	return sqlerr.Newf(sqlerr.InvalidParameterValue, property.Name.At, "invalid value %q for property %q: it must be %s", value, property.Name.Name, want)
}

// propertyText is a property's value as text: literals, words and negative numbers.
func propertyText(property ast.Property) (string, error) {
	switch v := property.Value.(type) {
	case *ast.StringLit:
		return v.Value, nil
	case *ast.NumberLit:
		return v.Text, nil
	case *ast.BoolLit:
		return strconv.FormatBool(v.Value), nil
	case *ast.ColumnRef:
		return v.Name.String(), nil
	case *ast.Unary:
		if n, ok := v.Expr.(*ast.NumberLit); ok && v.Op == "-" {
			return "-" + n.Text, nil
		}
	case nil:
		return "", sqlerr.Newf(sqlerr.SyntaxError, property.Name.At, "property %q needs a value", property.Name.Name)
	}
	return "", sqlerr.Newf(sqlerr.InvalidParameterValue, property.Value.Pos(), "property %q needs a literal as value", property.Name.Name)
}

func wholeNumber(value string, low, high int64, property ast.Property) (int64, error) {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < low || n > high {
		return 0, badProperty(property, value, "a whole number from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10))
	}
	return n, nil
}

var windowSizePattern = regexp.MustCompile(`^\s*(\d{1,12})\s+(MILLISECOND|SECOND|MINUTE|HOUR|DAY)S?\s*$`)

// durationMS reads ksqlDB's '30 SECONDS'.
func durationMS(value string, property ast.Property) (int64, error) {
	m := windowSizePattern.FindStringSubmatch(strings.ToUpper(value))
	if m == nil {
		return 0, badProperty(property, value, "a number and a unit, such as 30 SECONDS")
	}
	n, _ := strconv.ParseInt(m[1], 10, 64)
	unit := map[string]int64{"MILLISECOND": 1, "SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000}[m[2]]
	if n > (1<<62)/unit {
		return 0, badProperty(property, value, "a shorter time")
	}
	return n * unit, nil
}

var topicPattern = regexp.MustCompile(`^[a-zA-Z0-9._-]{1,249}$`)

// validTopic checks a topic's name as Kafka does.
func validTopic(name string, pos sqlerr.Pos) error {
	if !topicPattern.MatchString(name) || name == "." || name == ".." {
		return sqlerr.Newf(sqlerr.InvalidName, pos, "topic name %q is not valid: up to 249 letters, digits, dots, underscores and hyphens", name)
	}
	return nil
}

// The formats served.
const (
	formatJSON  = "JSON"
	formatKafka = "KAFKA"
	formatNone  = "NONE"
)

func knownFormat(name string, pos sqlerr.Pos) error {
	switch name {
	case formatJSON, formatKafka, formatNone:
		return nil
	case "AVRO", "PROTOBUF", "PROTOBUF_NOSR", "JSON_SR", "DELIMITED":
		return sqlerr.Unsupported(pos, "the format "+name)
	}
	return sqlerr.Newf(sqlerr.InvalidParameterValue, pos, "unknown format %q", name).WithHint("the formats are JSON, KAFKA and NONE")
}
