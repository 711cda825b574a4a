package metadata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// errTruncated is the cause of every decoding error about missing or malformed bytes.
var errTruncated = errors.New("metadata record is cut short or malformed")

// AppendRecord appends type, version, length and body of r.
func AppendRecord(dst []byte, r Record) []byte {
	dst = binary.AppendUvarint(dst, uint64(r.recordType()))
	dst = binary.AppendUvarint(dst, r.version())
	body := r.appendBody(nil)
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...)
}

// AppendRecords appends the number of records and each of them.
func AppendRecords(dst []byte, records []Record) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(records)))
	for _, r := range records {
		dst = AppendRecord(dst, r)
	}
	return dst
}

// DecodeRecords reads what AppendRecords wrote; all of src must be used. Errors: ErrUnknownRecord, or malformed bytes.
func DecodeRecords(src []byte) ([]Record, error) {
	in := reader{rest: src}
	count := in.uvarint()
	if count > uint64(len(in.rest)) {
		return nil, fmt.Errorf("metadata entry of %d records in %d bytes: %w", count, len(src), errTruncated)
	}
	records := make([]Record, 0, count)
	for range count {
		kind, version := recordType(in.uvarint()), in.uvarint()
		body := reader{rest: in.bytes()}
		if in.bad {
			return nil, errTruncated
		}
		r, err := decodeBody(kind, version, &body)
		if err != nil {
			return nil, err
		}
		records = append(records, r)
	}
	if in.bad || len(in.rest) != 0 {
		return nil, fmt.Errorf("%d bytes after the last metadata record: %w", len(in.rest), errTruncated)
	}
	return records, nil
}

func decodeBody(kind recordType, version uint64, in *reader) (Record, error) {
	if version != 0 {
		return nil, fmt.Errorf("type %d version %d: %w", kind, version, ErrUnknownRecord)
	}
	var r Record
	switch kind {
	case typeCluster:
		r = ClusterRecord{ClusterID: in.string()}
	case typeFeature:
		r = FeatureRecord{Name: in.string(), Level: int16(in.varint())}
	case typeBroker:
		r = decodeBroker(in)
	case typeBrokerRemoved:
		r = BrokerRemovedRecord{ID: in.int32()}
	case typeTopic:
		r = TopicRecord{ID: in.uuid(), Name: in.string()}
	case typeTopicRemoved:
		r = TopicRemovedRecord{ID: in.uuid()}
	case typePartition:
		r = PartitionRecord{TopicID: in.uuid(), Index: in.int32(), Partition: decodePartition(in)}
	case typeConfig:
		r = ConfigRecord{
			Resource: Resource{Type: ResourceType(in.varint()), Name: in.string()},
			Key:      in.string(), Value: in.string(), Removed: in.bool(),
		}
	case typeProducerIDBlock:
		r = ProducerIDBlockRecord{BrokerID: in.int32(), BrokerEpoch: in.varint(), Next: in.varint()}
	case typeACL:
		r = decodeACL(in)
	case typeACLRemoved:
		r = ACLRemovedRecord{ID: in.uuid()}
	case typeScram:
		r = decodeScram(in)
	case typeScramRemoved:
		r = ScramRemovedRecord{Key: decodeScramKey(in)}
	case typeQuota:
		r = decodeQuota(in)
	default:
		return nil, fmt.Errorf("type %d: %w", kind, ErrUnknownRecord)
	}
	if in.bad || len(in.rest) != 0 {
		return nil, fmt.Errorf("type %d: %w", kind, errTruncated)
	}
	return r, nil
}

func (r ClusterRecord) appendBody(dst []byte) []byte { return appendString(dst, r.ClusterID) }

func (r FeatureRecord) appendBody(dst []byte) []byte {
	return binary.AppendVarint(appendString(dst, r.Name), int64(r.Level))
}

func (r BrokerRecord) appendBody(dst []byte) []byte {
	dst = binary.AppendVarint(dst, int64(r.ID))
	dst = binary.AppendVarint(dst, r.Epoch)
	dst = append(dst, r.Incarnation[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(r.Endpoints)))
	for _, e := range r.Endpoints {
		dst = appendString(appendString(dst, e.Listener), e.Host)
		dst = binary.AppendUvarint(dst, uint64(e.Port))
	}
	return appendBool(appendString(dst, r.Rack), r.Fenced)
}

func decodeBroker(in *reader) BrokerRecord {
	r := BrokerRecord{ID: in.int32(), Epoch: in.varint(), Incarnation: in.uuid()}
	for n := in.count(); n > 0 && !in.bad; n-- {
		e := Endpoint{Listener: in.string(), Host: in.string()}
		port := in.uvarint()
		e.Port = uint16(port)
		in.bad = in.bad || uint64(e.Port) != port
		r.Endpoints = append(r.Endpoints, e)
	}
	r.Rack, r.Fenced = in.string(), in.bool()
	return r
}

func (r BrokerRemovedRecord) appendBody(dst []byte) []byte {
	return binary.AppendVarint(dst, int64(r.ID))
}

func (r TopicRecord) appendBody(dst []byte) []byte {
	return appendString(append(dst, r.ID[:]...), r.Name)
}

func (r TopicRemovedRecord) appendBody(dst []byte) []byte { return append(dst, r.ID[:]...) }

func (r PartitionRecord) appendBody(dst []byte) []byte {
	dst = append(dst, r.TopicID[:]...)
	dst = binary.AppendVarint(dst, int64(r.Index))
	p := r.Partition
	dst = appendInt32s(appendInt32s(dst, p.Replicas), p.ISR)
	dst = binary.AppendVarint(dst, int64(p.Leader))
	dst = binary.AppendVarint(dst, int64(p.LeaderEpoch))
	return binary.AppendVarint(dst, int64(p.PartitionEpoch))
}

func decodePartition(in *reader) Partition {
	return Partition{Replicas: in.int32s(), ISR: in.int32s(), Leader: in.int32(), LeaderEpoch: in.int32(), PartitionEpoch: in.int32()}
}

func (r ConfigRecord) appendBody(dst []byte) []byte {
	dst = binary.AppendVarint(dst, int64(r.Resource.Type))
	dst = appendString(appendString(dst, r.Resource.Name), r.Key)
	return appendBool(appendString(dst, r.Value), r.Removed)
}

func (r ProducerIDBlockRecord) appendBody(dst []byte) []byte {
	dst = binary.AppendVarint(dst, int64(r.BrokerID))
	dst = binary.AppendVarint(dst, r.BrokerEpoch)
	return binary.AppendVarint(dst, r.Next)
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendBool(dst []byte, b bool) []byte {
	if b {
		return append(dst, 1)
	}
	return append(dst, 0)
}

func appendFloat(dst []byte, v float64) []byte {
	return binary.BigEndian.AppendUint64(dst, math.Float64bits(v))
}

func appendInt32s(dst []byte, values []int32) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	for _, v := range values {
		dst = binary.AppendVarint(dst, int64(v))
	}
	return dst
}

// reader takes values off rest; after the first missing byte bad is set and every value is zero.
type reader struct {
	rest []byte
	bad  bool
}

func (in *reader) uvarint() uint64 {
	v, n := binary.Uvarint(in.rest)
	if n <= 0 || in.bad {
		in.bad = true
		return 0
	}
	in.rest = in.rest[n:]
	return v
}

func (in *reader) varint() int64 {
	v, n := binary.Varint(in.rest)
	if n <= 0 || in.bad {
		in.bad = true
		return 0
	}
	in.rest = in.rest[n:]
	return v
}

func (in *reader) int32() int32 {
	v := in.varint()
	in.bad = in.bad || int64(int32(v)) != v
	return int32(v)
}

func (in *reader) int8() int8 {
	v := in.varint()
	in.bad = in.bad || int64(int8(v)) != v
	return int8(v)
}

// float is eight bytes of a number; there is no NaN among what was agreed.
func (in *reader) float() float64 {
	if len(in.rest) < floatBytes {
		in.bad = true
		return 0
	}
	v := math.Float64frombits(binary.BigEndian.Uint64(in.rest))
	in.rest = in.rest[floatBytes:]
	in.bad = in.bad || math.IsNaN(v)
	return v
}

// floatBytes is the size of a float64.
const floatBytes = 8

// ownBytes are bytes that outlive the input.
func (in *reader) ownBytes() []byte { return slices.Clone(in.bytes()) }

// count is a number of elements of at least one byte each, so it can't exceed the bytes left.
func (in *reader) count() uint64 {
	n := in.uvarint()
	if n > uint64(len(in.rest)) {
		in.bad = true
		return 0
	}
	return n
}

func (in *reader) bytes() []byte {
	n := in.count()
	out := in.rest[:n]
	in.rest = in.rest[n:]
	return out
}

func (in *reader) string() string { return string(in.bytes()) }

func (in *reader) bool() bool {
	if len(in.rest) == 0 || in.rest[0] > 1 {
		in.bad = true
		return false
	}
	v := in.rest[0] == 1
	in.rest = in.rest[1:]
	return v
}

func (in *reader) uuid() (u UUID) {
	if len(in.rest) < len(u) {
		in.bad = true
		return u
	}
	in.rest = in.rest[copy(u[:], in.rest):]
	return u
}

func (in *reader) int32s() []int32 {
	n := in.count()
	if n == 0 {
		return nil
	}
	out := make([]int32, 0, n)
	for range n {
		out = append(out, in.int32())
	}
	return out
}
