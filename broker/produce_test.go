package broker

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
)

// producedBatch is a batch of n small records.
func producedBatch(t testing.TB, n int, change func(record.Batch)) []byte {
	t.Helper()
	b := record.NewBuilder(record.None)
	for i := range n {
		b.Append(time.Now().UnixMilli(), nil, []byte{byte(i)}, nil)
	}
	out, err := b.Build(nil)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(out)
		out.SetCRC()
	}
	return out
}

// Places of fields in a batch that tests spoil.
const (
	atLength     = 8
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
	atLastDelta  = 23
	atCount      = 57
)

// TestProduceAnswers: what a broker says to good and bad batches. The answers are Kafka 4.3.1's, but for null, empty (to which it
// answers nothing at all) and codec 7 (UNKNOWN_SERVER_ERROR).
func TestProduceAnswers(t *testing.T) {
	addr := oracle(t)
	s := newFetchScript(t, connectTo(t, addr), addr, 12)
	good := producedBatch(t, 3, nil)
	set16 := func(at int, v uint16) func(record.Batch) {
		return func(b record.Batch) { binary.BigEndian.PutUint16(b[at:], v) }
	}
	set32 := func(at int, v uint32) func(record.Batch) {
		return func(b record.Batch) { binary.BigEndian.PutUint32(b[at:], v) }
	}
	for _, c := range []struct {
		name      string
		version   int16
		acks      int16
		partition int32
		txn       string
		records   []byte
		want      string
	}{
		{"good", 9, -1, 2, "", good, "at 0"},
		{"good, acks 1", 3, 1, 2, "", good, "at 3"},
		{"acks 2", 9, 2, 2, "", good, "INVALID_REQUIRED_ACKS"},
		{"partition 7", 9, 1, 7, "", good, "UNKNOWN_TOPIC_OR_PARTITION"},
		{"null", 9, 1, 2, "", nil, "INVALID_RECORD"},
		{"empty", 9, 1, 2, "", []byte{}, "INVALID_RECORD"},
		{"two batches", 9, 1, 2, "", append(append([]byte{}, good...), good...), "INVALID_RECORD"},
		{"checksum", 9, 1, 2, "", func() []byte {
			b := producedBatch(t, 1, nil)
			b[atCRC]++
			return b
		}(), "CORRUPT_MESSAGE"},
		{"magic 1", 9, 1, 2, "", func() []byte {
			b := producedBatch(t, 1, nil)
			b[atMagic] = 1
			return b
		}(), "INVALID_RECORD"},
		{"magic 9", 9, 1, 2, "", func() []byte {
			b := producedBatch(t, 1, nil)
			b[atMagic] = 9
			return b
		}(), "CORRUPT_MESSAGE"},
		{"count", 9, 1, 2, "", producedBatch(t, 3, set32(atCount, 2)), "INVALID_RECORD"},
		{"last delta", 9, 1, 2, "", producedBatch(t, 3, set32(atLastDelta, 9)), "INVALID_RECORD"},
		{"control", 9, 1, 2, "", producedBatch(t, 1, set16(atAttributes, 1<<5)), "INVALID_RECORD"},
		{"codec 7", 9, 1, 2, "", producedBatch(t, 1, set16(atAttributes, 7)), "UNSUPPORTED_COMPRESSION_TYPE"},
		{"zstd at version 6", 6, 1, 2, "", producedBatch(t, 1, set16(atAttributes, 4)), "UNSUPPORTED_COMPRESSION_TYPE"},
		{"transactional without an id", 9, -1, 2, "", producedBatch(t, 1, func(b record.Batch) { b.SetProducer(5, 0, 0, true) }), "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"},
		{"short of length", 9, 1, 2, "", producedBatch(t, 1, set32(atLength, 20)), "CORRUPT_MESSAGE"},
	} {
		req := kmsg.NewPtrProduceRequest()
		req.Acks, req.TimeoutMillis = c.acks, 10_000
		if c.txn != "" {
			req.TransactionID = &c.txn
		}
		topic := kmsg.NewProduceRequestTopic()
		topic.Topic, topic.TopicID = s.topic, s.id
		p := kmsg.NewProduceRequestTopicPartition()
		p.Partition, p.Records = c.partition, append([]byte(nil), c.records...)
		if c.records == nil {
			p.Records = nil
		}
		topic.Partitions = append(topic.Partitions, p)
		req.Topics = append(req.Topics, topic)
		got := s.raw.ask(req, c.version).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
		if text := produceAnswer(got); text != c.want {
			t.Errorf("%s: got %s, want %s", c.name, text, c.want)
		}
	}
}

// produceAnswer shows an answer.
func produceAnswer(p kmsg.ProduceResponseTopicPartition) string {
	if p.ErrorCode == 0 {
		return fmt.Sprint("at ", p.BaseOffset)
	}
	text := kerr.TypedErrorForCode(p.ErrorCode).Message
	if p.BaseOffset != -1 || p.LogAppendTime != -1 {
		text += fmt.Sprint(" at ", p.BaseOffset, " time ", p.LogAppendTime)
	}
	return text
}

// waitForLeaders waits until the topic's last partition may be read: a new topic of a real broker takes a moment.
func waitForLeaders(t *testing.T, s *fetchScript) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for !strings.Contains(s.run("0:-1 t2@0"), "hw 0") {
		if ctx.Err() != nil {
			t.Fatal("the topic has no leader")
		}
	}
}
