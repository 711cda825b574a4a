package broker

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
)

// txnScript runs transactional requests written as words, one a line, and shows the answers. What the files of
// testdata/transactions expect is what Kafka 4.3.1 answers (FRESHET_TEST_ORACLE=HOST:PORT), except where they say so.
//
//	"produce v12 a A/1 seq=0": version, transactional id, producer id (by letter, in the order they appear) and epoch
//
// An answer that means "ask again" is asked again, unless the line ends with "now".
type txnScript struct {
	raw   *rawClient
	run   string // makes names fresh on a broker that others have used
	topic string
	ids   []int64
}

func (s *txnScript) producer(word string) (id int64, epoch int16) {
	letter, number, _ := strings.Cut(word, "/")
	e, err := strconv.Atoi(number)
	if err != nil {
		s.raw.t.Fatalf("producer %q: %v", word, err)
	}
	switch n := int(letter[0] - 'A'); {
	case letter == "-":
		return -1, int16(e)
	case n < len(s.ids):
		return s.ids[n], int16(e)
	}
	return 1 << 40, int16(e)
}

func (s *txnScript) show(id int64, epoch int16) string {
	if id < 0 {
		return ""
	}
	for i, known := range s.ids {
		if known == id {
			return fmt.Sprintf(" %c/%d", 'A'+i, epoch)
		}
	}
	s.ids = append(s.ids, id)
	return s.show(id, epoch)
}

// request is a line taken apart.
type request struct {
	api     string
	version int16
	id      *string
	pid     int64
	epoch   int16
	opts    map[string]string
}

func (s *txnScript) parse(line string) request {
	words := strings.Fields(line)
	r := request{api: words[0], pid: -1, epoch: -1, opts: map[string]string{}}
	version, _ := strconv.Atoi(strings.TrimPrefix(words[1], "v"))
	r.version = int16(version)
	for _, w := range words[2:] {
		switch key, value, is := strings.Cut(w, "="); {
		case is:
			r.opts[key] = value
		case strings.Contains(w, "/"):
			r.pid, r.epoch = s.producer(w)
		case w == "commit", w == "verify", w == "now":
			r.opts[w] = "yes"
		case w == "null":
		case w == "empty":
			r.id = new("")
		default:
			r.id = new(w + s.run)
		}
	}
	return r
}

func (r *request) number(key string, missing int) int {
	if n, err := strconv.Atoi(r.opts[key]); err == nil {
		return n
	}
	return missing
}

func (r *request) name() string {
	if r.id == nil {
		return ""
	}
	return *r.id
}

func (s *txnScript) topicOf(r *request) string {
	if t := r.opts["topic"]; t != "" {
		return t
	}
	return s.topic
}

// again tells which answers pass by themselves.
func again(code int16) bool {
	return slices.Contains([]int16{
		kerr.NotLeaderForPartition.Code, kerr.ConcurrentTransactions.Code, kerr.CoordinatorNotAvailable.Code,
		kerr.CoordinatorLoadInProgress.Code, kerr.NotCoordinator.Code,
	}, code)
}

func (s *txnScript) answer(line string) string {
	r := s.parse(line)
	deadline := time.Now().Add(10 * time.Second)
	for {
		code, text := s.ask(&r)
		if again(code) && r.opts["now"] == "" && time.Now().Before(deadline) {
			continue
		}
		if code != 0 {
			known, _ := errors.AsType[*kerr.Error](kerr.ErrorForCode(code))
			return known.Message
		}
		if strings.HasPrefix(text, "Prepare") && r.opts["now"] == "" && time.Now().Before(deadline) {
			continue
		}
		return strings.TrimSpace("NONE " + strings.TrimSpace(text))
	}
}

func (s *txnScript) ask(r *request) (code int16, text string) {
	switch r.api {
	case "init":
		req := kmsg.NewPtrInitProducerIDRequest()
		req.TransactionalID, req.TransactionTimeoutMillis = r.id, int32(r.number("timeout", 60_000))
		req.ProducerID, req.ProducerEpoch = r.pid, r.epoch
		got := s.raw.ask(req, r.version).(*kmsg.InitProducerIDResponse)
		return got.ErrorCode, s.show(got.ProducerID, got.ProducerEpoch)
	case "end":
		req := kmsg.NewPtrEndTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Commit = r.name(), r.pid, r.epoch, r.opts["commit"] != ""
		got := s.raw.ask(req, r.version).(*kmsg.EndTxnResponse)
		return got.ErrorCode, s.show(got.ProducerID, got.ProducerEpoch)
	case "add":
		return s.add(r), ""
	case "produce":
		return s.produce(r)
	case "offsets":
		return s.offsets(r), ""
	case "addOffsets":
		req := kmsg.NewPtrAddOffsetsToTxnRequest()
		req.TransactionalID, req.ProducerID, req.ProducerEpoch, req.Group = r.name(), r.pid, r.epoch, "g"+s.run
		return s.raw.ask(req, r.version).(*kmsg.AddOffsetsToTxnResponse).ErrorCode, ""
	}
	return s.askTools(r)
}

func (s *txnScript) add(r *request) int16 {
	req := kmsg.NewPtrAddPartitionsToTxnRequest()
	topic := s.topicOf(r)
	req.TransactionalID, req.ProducerID, req.ProducerEpoch = r.name(), r.pid, r.epoch
	req.Topics = []kmsg.AddPartitionsToTxnRequestTopic{{Topic: topic, Partitions: []int32{0}}}
	req.Transactions = []kmsg.AddPartitionsToTxnRequestTransaction{{
		TransactionalID: r.name(), ProducerID: r.pid, ProducerEpoch: r.epoch, VerifyOnly: r.opts["verify"] != "",
		Topics: []kmsg.AddPartitionsToTxnRequestTransactionTopic{{Topic: topic, Partitions: []int32{0}}},
	}}
	got := s.raw.ask(req, r.version).(*kmsg.AddPartitionsToTxnResponse)
	switch {
	case got.ErrorCode != 0:
		return got.ErrorCode
	case r.version < 4:
		return got.Topics[0].Partitions[0].ErrorCode
	}
	return got.Transactions[0].Topics[0].Partitions[0].ErrorCode
}

func (s *txnScript) produce(r *request) (int16, string) {
	batch := record.Batch(batchOf(r.opts["value"]))
	batch.SetProducer(r.pid, r.epoch, int32(r.number("seq", 0)), true)
	req := kmsg.NewPtrProduceRequest()
	req.TransactionID, req.Acks, req.TimeoutMillis = r.id, -1, 10_000
	req.Topics = []kmsg.ProduceRequestTopic{{
		Topic: s.topic, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: batch}},
	}}
	got := s.raw.ask(req, r.version).(*kmsg.ProduceResponse).Topics[0].Partitions[0]
	return got.ErrorCode, "at " + strconv.FormatInt(got.BaseOffset, 10)
}

func (s *txnScript) offsets(r *request) int16 {
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	req.TransactionalID, req.Group, req.ProducerID, req.ProducerEpoch, req.Generation = r.name(), "g"+s.run, r.pid, r.epoch, -1
	p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
	p.Offset = 1
	req.Topics = []kmsg.TxnOffsetCommitRequestTopic{{Topic: s.topic, Partitions: []kmsg.TxnOffsetCommitRequestTopicPartition{p}}}
	return s.raw.ask(req, r.version).(*kmsg.TxnOffsetCommitResponse).Topics[0].Partitions[0].ErrorCode
}

// askTools are the requests of tools (KIP-664), and where readers of committed records stop.
func (s *txnScript) askTools(r *request) (int16, string) {
	switch r.api {
	case "describe":
		req := kmsg.NewPtrDescribeTransactionsRequest()
		req.TransactionalIDs = []string{r.name()}
		got := s.raw.ask(req, r.version).(*kmsg.DescribeTransactionsResponse).TransactionStates[0]
		if got.ErrorCode != 0 {
			return got.ErrorCode, ""
		}
		return 0, fmt.Sprintf("%s%s, %d topics, began %t", got.State, s.show(got.ProducerID, got.ProducerEpoch), len(got.Topics), got.StartTimestamp > 0)
	case "producers":
		req := kmsg.NewPtrDescribeProducersRequest()
		req.Topics = []kmsg.DescribeProducersRequestTopic{{Topic: s.topicOf(r), Partitions: []int32{0}}}
		got := s.raw.ask(req, r.version).(*kmsg.DescribeProducersResponse).Topics[0].Partitions[0]
		var text strings.Builder
		for _, p := range got.ActiveProducers {
			fmt.Fprintf(&text, "%s sequence %d open %d", s.show(p.ProducerID, int16(p.ProducerEpoch)), p.LastSequence, p.CurrentTxnStartOffset)
		}
		return got.ErrorCode, text.String()
	case "marker":
		req := kmsg.NewPtrWriteTxnMarkersRequest()
		m := kmsg.NewWriteTxnMarkersRequestMarker()
		m.ProducerID, m.ProducerEpoch, m.Committed = r.pid, r.epoch, r.opts["commit"] != ""
		m.CoordinatorEpoch, m.TransactionVersion = int32(r.number("coordinator", 0)), int8(r.number("tv", 0))
		m.Topics = []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: s.topicOf(r), Partitions: []int32{0}}}
		req.Markers = append(req.Markers, m)
		return s.raw.ask(req, r.version).(*kmsg.WriteTxnMarkersResponse).Markers[0].Topics[0].Partitions[0].ErrorCode, ""
	case "list":
		return s.list(r)
	case "stable":
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID, req.IsolationLevel = -1, 1
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Timestamp = -1
		req.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: s.topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{p}}}
		got := s.raw.ask(req, r.version).(*kmsg.ListOffsetsResponse).Topics[0].Partitions[0]
		return got.ErrorCode, strconv.FormatInt(got.Offset, 10)
	}
	s.raw.t.Fatalf("no request %q", r.api)
	return 0, ""
}

func (s *txnScript) list(r *request) (int16, string) {
	req := kmsg.NewPtrListTransactionsRequest()
	if state := r.opts["state"]; state != "" {
		req.StateFilters = []string{state}
	}
	if r.pid >= 0 {
		req.ProducerIDFilters = []int64{r.pid}
	}
	req.DurationFilterMillis = int64(r.number("duration", -1))
	if p := r.opts["pattern"]; p != "" {
		req.TransactionalIDPattern = &p
	}
	got := s.raw.ask(req, r.version).(*kmsg.ListTransactionsResponse)
	text := ""
	for _, name := range []string{"a", "b", "c", "d"} {
		for _, t := range got.TransactionStates {
			if t.TransactionalID == name+s.run {
				text += " " + name + ":" + t.TransactionState
			}
		}
	}
	return got.ErrorCode, text + strings.Join(got.UnknownStateFilters, " ?")
}

func TestTransactionsAsKafkaAnswers(t *testing.T) {
	addr := oracle(t)
	datadriven.Walk(t, "testdata/transactions", func(t *testing.T, path string) {
		s := &txnScript{raw: dialRaw(t, addr), run: fmt.Sprintf("-%d", rand.Uint32())}
		s.topic = "transactions" + s.run
		create := kmsg.NewPtrCreateTopicsRequest()
		topic := kmsg.NewCreateTopicsRequestTopic()
		topic.Topic, topic.NumPartitions, topic.ReplicationFactor = s.topic, 1, 1
		create.Topics, create.TimeoutMillis = append(create.Topics, topic), 10_000
		s.raw.ask(create, 5)
		for _, kind := range []int8{0, 1} { // a real broker makes the coordinators' topics now
			find := kmsg.NewPtrFindCoordinatorRequest()
			find.CoordinatorType, find.CoordinatorKeys = kind, []string{"x"}
			s.raw.ask(find, 4)
		}
		datadriven.RunTest(t, path, func(_ *testing.T, d *datadriven.TestData) string {
			var out strings.Builder
			for line := range strings.Lines(d.Input) {
				line = strings.TrimSpace(line)
				fmt.Fprintf(&out, "%s -> %s\n", line, s.answer(line))
			}
			return out.String()
		})
	})
}
