package broker

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// rawClient speaks single requests at chosen versions.
type rawClient struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader
	name string // the client id
}

func dialRaw(t testing.TB, addr string) *rawClient {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(30 * time.Second))
	return &rawClient{t: t, conn: conn, in: bufio.NewReader(conn), name: "raw"}
}

// ask sends a request and reads its answer.
func (c *rawClient) ask(req kmsg.Request, version int16) kmsg.Response {
	c.t.Helper()
	req.SetVersion(version)
	if _, err := c.conn.Write(kmsg.NewRequestFormatter(kmsg.FormatterClientID(c.name)).AppendRequest(nil, req, 1)); err != nil {
		c.t.Fatal(err)
	}
	resp := req.ResponseKind()
	resp.SetVersion(version)
	if err := readResponse(c.in, resp, req.IsFlexible()); err != nil {
		c.t.Fatalf("%s v%d: %v", kmsg.NameForKey(req.Key()), version, err)
	}
	return resp
}

// oracle is the address of a real broker to run the same test against (FRESHET_TEST_ORACLE=HOST:PORT), or ours.
func oracle(t testing.TB) string {
	if addr := os.Getenv("FRESHET_TEST_ORACLE"); addr != "" {
		return addr
	}
	return startBroker(t, nil).Addr().String()
}

// fetchScript runs fetches written as words and shows the answers:
//
//	"session:epoch t0@5 t1@0 -t2 lastEpoch=7 wait=10 max=1"
//
// session S is the last one given. t<n>@offset asks for partition n, -t<n> forgets it.
type fetchScript struct {
	raw     *rawClient
	version int16
	topic   string
	id      [16]byte
	session int32
}

func (s *fetchScript) run(line string) string {
	req := kmsg.NewPtrFetchRequest()
	req.MaxBytes, req.MinBytes, req.MaxWaitMillis = 1<<20, 1, 0
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID = s.topic, s.id
	forgotten := kmsg.NewFetchRequestForgottenTopic()
	forgotten.Topic, forgotten.TopicID = s.topic, s.id
	currentEpoch, lastEpoch := int32(-1), int32(-1)
	for i, word := range strings.Fields(line) {
		key, value, _ := strings.Cut(word, "=")
		number, _ := strconv.Atoi(value)
		switch {
		case i == 0:
			session, epoch, _ := strings.Cut(word, ":")
			if id, err := strconv.Atoi(session); err == nil {
				req.SessionID = int32(id)
			} else {
				req.SessionID = s.session
			}
			at, _ := strconv.Atoi(epoch)
			req.SessionEpoch = int32(at)
		case key == "epoch":
			currentEpoch = int32(number)
		case key == "lastEpoch":
			lastEpoch = int32(number)
		case key == "replica":
			req.ReplicaID, req.ReplicaState.ID = int32(number), int32(number)
		case key == "id":
			topic.TopicID[0] ^= byte(number)
		case strings.HasPrefix(word, "-t"):
			n, _ := strconv.Atoi(word[2:])
			forgotten.Partitions = append(forgotten.Partitions, int32(n))
		default:
			index, offset, _ := strings.Cut(word[1:], "@")
			p := kmsg.NewFetchRequestTopicPartition()
			n, _ := strconv.Atoi(index)
			p.Partition, p.PartitionMaxBytes, p.CurrentLeaderEpoch, p.LastFetchedEpoch = int32(n), 1<<20, currentEpoch, lastEpoch
			p.FetchOffset, _ = strconv.ParseInt(offset, 10, 64)
			topic.Partitions = append(topic.Partitions, p)
		}
	}
	if len(topic.Partitions) > 0 {
		req.Topics = append(req.Topics, topic)
	}
	if len(forgotten.Partitions) > 0 {
		req.ForgottenTopics = append(req.ForgottenTopics, forgotten)
	}
	return s.show(s.raw.ask(req, s.version).(*kmsg.FetchResponse))
}

func (s *fetchScript) show(resp *kmsg.FetchResponse) string {
	var b strings.Builder
	if resp.SessionID != 0 {
		s.session = resp.SessionID
		b.WriteString("session")
	} else {
		b.WriteString("no session")
	}
	if resp.ErrorCode != 0 {
		fmt.Fprintf(&b, " error %d", resp.ErrorCode)
	}
	for i := range resp.Topics {
		for _, p := range resp.Topics[i].Partitions {
			fmt.Fprintf(&b, " t%d", p.Partition)
			if p.ErrorCode != 0 {
				fmt.Fprintf(&b, " error %d", p.ErrorCode)
			}
			fmt.Fprintf(&b, " hw %d", p.HighWatermark)
			if len(p.RecordBatches) > 0 {
				b.WriteString(" data")
			}
			if p.DivergingEpoch.EndOffset >= 0 {
				fmt.Fprintf(&b, " diverging %d@%d", p.DivergingEpoch.Epoch, p.DivergingEpoch.EndOffset)
			}
			if p.CurrentLeader.LeaderEpoch >= 0 {
				fmt.Fprintf(&b, " leader epoch %d nodes %d", p.CurrentLeader.LeaderEpoch, len(resp.Brokers))
			}
		}
	}
	return b.String()
}

// fetchSteps is a client's talk with a broker whose topic has three partitions of 2, 2 and 0 records. The answers are Kafka 4.3.1's.
var fetchSteps = []struct{ ask, answer string }{
	{"0:-1 t0@0", "no session t0 hw 2 data"},
	{"0:0 t0@0 t1@2 t2@0", "session t0 hw 2 data t1 hw 2 t2 hw 0"},
	{"S:1 t0@2", "session"},
	{"S:1", "no session error 71"},
	{"S:2 t1@0", "session t1 hw 2 data"},
	{"S:3 t1@2 -t0", "session"},
	{"S:4 t2@5", "session t2 error 1 hw -1"},
	{"S:5", "session t2 error 1 hw -1"},
	{"S:6 t2@0", "session t2 hw 0"},
	{"S:7 t9@0", "session t9 error 3 hw -1"},
	{"S:8 -t9", "session"},
	{"S:9 -t1 -t2", "no session"},
	{"S:10", "no session error 70"},
	{"77:3", "no session error 70"},
	{"0:0 t0@2", "session t0 hw 2"},
	{"S:-1", "no session"},
	{"S:1", "no session error 70"},
	{"0:0 t0@2", "session t0 hw 2"},
	{"S:0 t1@2", "session t1 hw 2"},
	{"0:-1 epoch=9 t0@0", "no session t0 error 75 hw -1"},
	{"0:-1 epoch=0 t0@0", "no session t0 hw 2 data"},
}

// TestFetchSessions holds KIP-227 with names and with topic ids.
func TestFetchSessions(t *testing.T) {
	addr := oracle(t)
	cl := connectTo(t, addr)
	for _, version := range []int16{7, 11, 12, 13, 17, 18} {
		t.Run(fmt.Sprint("v", version), func(t *testing.T) {
			s := newFetchScript(t, cl, addr, version)
			for _, step := range fetchSteps {
				if version < 9 && strings.Contains(step.ask, "epoch=") {
					continue // the field came with version 9
				}
				if got := s.run(step.ask); got != step.answer {
					t.Errorf("%s:\n got  %s\n want %s", step.ask, got, step.answer)
				}
			}
		})
	}
}

// TestFetchBesideTheWay: epochs that parted, topics nobody knows, brokers that follow nobody, sessions that change from names to ids.
func TestFetchBesideTheWay(t *testing.T) {
	addr := oracle(t)
	s := newFetchScript(t, connectTo(t, addr), addr, 18)
	for _, step := range []struct{ ask, answer string }{
		{"0:-1 lastEpoch=0 t0@2", "no session t0 hw 2"},
		{"0:-1 lastEpoch=0 t0@3", "no session t0 hw 2 diverging 0@2"},
		{"0:-1 lastEpoch=3 t0@1", "no session t0 error 1 hw -1"},
		{"0:-1 t0@3", "no session t0 error 1 hw -1"},
		{"0:-1 replica=5 t0@0", "no session t0 error 6 hw -1 leader epoch 0 nodes 0"},
		{"0:-1 id=1 t0@0", "no session t0 error 100 hw -1"},
		{"0:0 t0@2", "session t0 hw 2"},
	} {
		if got := s.run(step.ask); got != step.answer {
			t.Errorf("%s:\n got  %s\n want %s", step.ask, got, step.answer)
		}
	}
	ask := kmsg.NewPtrOffsetForLeaderEpochRequest()
	ask.ReplicaID = -1
	at := kmsg.NewOffsetForLeaderEpochRequestTopic()
	at.Topic = s.topic
	for _, epoch := range []int32{0, 9} {
		p := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		p.LeaderEpoch = epoch
		at.Partitions = append(at.Partitions, p)
	}
	ask.Topics = append(ask.Topics, at)
	ends := s.raw.ask(ask, 4).(*kmsg.OffsetForLeaderEpochResponse).Topics[0].Partitions
	if p := ends[0]; p.LeaderEpoch != 0 || p.EndOffset != 2 {
		t.Error("epoch 0:", p)
	}
	if p := ends[1]; p.LeaderEpoch != -1 || p.EndOffset != -1 {
		t.Error("an epoch to come:", p)
	}
	s.version = 12
	if got := s.run("S:1 t0@2"); got != "no session error 106" {
		t.Error(got)
	}
}

// newFetchScript makes a topic of three partitions with 2, 2 and no records.
func newFetchScript(t *testing.T, cl *kgo.Client, addr string, version int16) *fetchScript {
	t.Helper()
	topic := fmt.Sprintf("fetched-%d-%d", version, time.Now().UnixNano())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	create := kmsg.NewPtrCreateTopicsRequest()
	ct := kmsg.NewCreateTopicsRequestTopic()
	ct.Topic, ct.NumPartitions, ct.ReplicationFactor = topic, 3, 1
	create.Topics = append(create.Topics, ct)
	resp, err := create.RequestWith(ctx, cl)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: int32(i % 2), Value: []byte("v")}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	s := &fetchScript{raw: dialRaw(t, addr), version: version, topic: topic, id: resp.Topics[0].TopicID}
	waitForLeaders(t, s)
	return s
}

func connectTo(t testing.TB, addr string) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}
