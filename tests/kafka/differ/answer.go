package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// line is one value of an answer and where it is.
type line struct{ path, text string }

// flattener writes an answer down as lines, with what differs between any two brokers masked.
type flattener struct {
	api   string
	names map[string]string // values that a script captured, and run ids, to what stands for them
	lines []line
	epoch *int64 // the first epoch of a consumer group that the case saw, 0 before
}

var (
	uuidPattern   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	base64Pattern = regexp.MustCompile(`^[A-Za-z0-9_-]{22}$`)
)

const (
	// Numbers between these are milliseconds since 1970 of this time and age.
	earliestTime, latestTime = 1_600_000_000_000, 3_000_000_000_000
)

// keyFields are the fields that say which element of an array one is, most telling first.
var keyFields = []string{"ApiKey", "Topic", "TopicName", "TopicID", "Group", "GroupID", "TransactionalID", "ProducerID", "Name", "ConfigName", "ResourceType", "ResourceName", "ResourcePatternType", "Key", "MemberID", "User", "Feature", "Partition", "PartitionIndex", "Type", "Principal", "Host", "Operation", "PermissionType", "Mechanism"}

func (f *flattener) answer(resp kmsg.Response) []line {
	f.api = kmsg.NameForKey(resp.Key())
	f.object(reflect.ValueOf(resp).Elem(), "")
	return f.lines
}

func (f *flattener) put(path, text string) { f.lines = append(f.lines, line{path, text}) }

func (f *flattener) object(v reflect.Value, path string) {
	for i := range v.NumField() {
		t := v.Type().Field(i)
		if !t.IsExported() || t.Name == "Version" || t.Name == "UnknownTags" || t.Name == "ThrottleMillis" {
			continue
		}
		at := t.Name
		if path != "" {
			at = path + "." + t.Name
		}
		f.value(v.Field(i), at, t.Name)
	}
}

func (f *flattener) value(v reflect.Value, path, name string) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			f.put(path, "null")
			return
		}
		if name == "ErrorMessage" && v.Elem().String() == "" {
			f.put(path, "null") // as little is said as by none
			return
		}
		f.value(v.Elem(), path, name)
	case reflect.Struct:
		f.object(v, path)
	case reflect.Slice:
		f.slice(v, path, name)
	default:
		f.put(path, f.scalar(v, name))
	}
}

func (f *flattener) slice(v reflect.Value, path, name string) {
	if v.IsNil() {
		f.put(path, "null")
		return
	}
	switch v.Type().Elem().Kind() {
	case reflect.Uint8:
		f.put(path, f.bytes(v.Bytes(), name))
	case reflect.Struct:
		f.elements(v, path)
	default:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = f.scalar(v.Index(i), name)
		}
		f.put(path, "["+strings.Join(parts, " ")+"]")
	}
}

// elements writes an array of structs, each under its key, and the order of the keys.
func (f *flattener) elements(v reflect.Value, path string) {
	keys, seen := make([]string, v.Len()), map[string]int{}
	for i := range keys {
		key := f.key(v.Index(i))
		if seen[key]++; seen[key] > 1 {
			key = fmt.Sprintf("%s#%d", key, seen[key])
		}
		keys[i] = key
		f.object(v.Index(i), fmt.Sprintf("%s[%s]", path, key))
	}
	f.put(path+".order", "["+strings.Join(keys, " ")+"]")
}

func (f *flattener) key(v reflect.Value) string {
	var parts []string
	for _, name := range keyFields {
		field := v.FieldByName(name)
		if !field.IsValid() || field.Kind() == reflect.Slice || field.Kind() == reflect.Struct {
			continue
		}
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				continue
			}
			field = field.Elem()
		}
		if name == "TopicID" && len(parts) > 0 {
			continue // the name says it
		}
		if (!field.IsZero() || field.Kind() == reflect.Int32) && field.Kind() != reflect.Array || !field.IsZero() {
			parts = append(parts, f.scalar(field, name))
		}
	}
	if entity := v.FieldByName("Entity"); entity.IsValid() && entity.Kind() == reflect.Slice { // of quotas
		for i := range entity.Len() {
			parts = append(parts, f.key(entity.Index(i)))
		}
		slices.Sort(parts)
	}
	return strings.Join(parts, "/")
}

func (f *flattener) scalar(v reflect.Value, name string) string {
	switch v.Kind() {
	case reflect.String:
		return f.text(v.String(), name)
	case reflect.Array:
		if v.IsZero() {
			return "0"
		}
		id := v.Interface().([16]byte)
		if as, ok := f.names[hex.EncodeToString(id[:])]; ok {
			return as
		}
		return "<id>"
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return f.integer(v.Int(), name)
	default:
		return fmt.Sprint(v.Interface())
	}
}

func (f *flattener) text(s, name string) string {
	switch name {
	case "ErrorMessage":
		if s != "" {
			return "<text>"
		}
	case "Host", "ClientHost":
		return strings.NewReplacer("127.0.0.1", "<host>", "localhost", "<host>").Replace(s)
	case "ClusterID", "Dir", "LogDir":
		return "<" + strings.ToLower(name) + ">"
	}
	if as, ok := f.names[s]; ok && len(s) > 3 {
		return as
	}
	s = unmask(s, f.names)
	s = uuidPattern.ReplaceAllString(s, "<uuid>")
	if base64Pattern.MatchString(s) && strings.ToLower(s) != s {
		s = "<uuid>"
	}
	return fmt.Sprintf("%q", s)
}

// unmask puts what stands for long values in their place, the longest first.
func unmask(s string, names map[string]string) string {
	for _, long := range slices.SortedFunc(maps.Keys(names), func(a, b string) int { return len(b) - len(a) }) {
		if len(long) >= maskedMin {
			s = strings.ReplaceAll(s, long, names[long])
		}
	}
	return s
}

// maskedMin is the length of the shortest value that is looked for inside of others.
const maskedMin = 7

// masked are the numbers that are of the broker, by API and field.
var masked = map[string]bool{
	"DescribeQuorum HighWatermark": true, "DescribeQuorum LogEndOffset": true, "DescribeQuorum LeaderEpoch": true,
	"DescribeLogDirs TotalBytes": true, "DescribeLogDirs UsableBytes": true,
	"ApiVersions FinalizedFeaturesEpoch": true,
}

// epochs are fields whose numbers mean something only beside each other.
var epochs = map[string]bool{"MemberEpoch": true, "Epoch": true, "AssignmentEpoch": true}

func (f *flattener) integer(n int64, name string) string {
	switch {
	case name == "Port", masked[f.api+" "+name] && n >= 0:
		return "<number>"
	case n > earliestTime && n < latestTime:
		return "<time>"
	case name == "ProducerID" && n >= 0:
		if as, ok := f.names[strconv.FormatInt(n, 10)]; ok {
			return as
		}
		return "<pid>"
	case name == "SessionID" && n != 0:
		return "<session>"
	case epochs[name] && strings.HasPrefix(f.api, "ConsumerGroup") && n > 0:
		if *f.epoch == 0 {
			*f.epoch = n
		}
		return fmt.Sprintf("<first epoch%+d>", n-*f.epoch)
	case name == "ErrorCode":
		return codeName(int16(n))
	}
	return strconv.FormatInt(n, 10)
}

func (f *flattener) bytes(b []byte, name string) string {
	if name == "RecordBatches" || name == "Records" {
		return f.batches(b)
	}
	return f.text(string(b), name)
}

// batches writes down what stands in the headers of batches, and a sum of their records.
func (f *flattener) batches(b []byte) string {
	var out []string
	for len(b) >= batchHeaderLen {
		n := int(binary.BigEndian.Uint32(b[8:])) + 12
		if n > len(b) {
			break // a batch that was cut off, as fetches may
		}
		if b[16] < 2 {
			out = append(out, "old")
			b = b[n:]
			continue
		}
		i64 := func(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
		sum := fnv.New32a()
		_, _ = sum.Write(b[batchHeaderLen:n])
		out = append(out, fmt.Sprintf("{%d+%d epoch=%d attributes=%d time=%s..%s pid=%s/%d seq=%d n=%d sum=%x}",
			i64(0), int32(binary.BigEndian.Uint32(b[23:])), int32(binary.BigEndian.Uint32(b[12:])), binary.BigEndian.Uint16(b[21:]),
			f.integer(i64(27), ""), f.integer(i64(35), ""), f.integer(i64(43), "ProducerID"), int16(binary.BigEndian.Uint16(b[51:])),
			int32(binary.BigEndian.Uint32(b[53:])), int32(binary.BigEndian.Uint32(b[57:])), sum.Sum32()))
		b = b[n:]
	}
	if len(b) > 0 {
		out = append(out, "cut")
	}
	return "<" + strings.Join(out, " ") + ">"
}
