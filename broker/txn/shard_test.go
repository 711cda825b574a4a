package txn

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"

	"github.com/freshetdb/freshet/broker/coordinator"
)

// script drives a shard by commands: events go in, answers, records and markers come out as text; time moves only by
// "advance", writes are committed only by "ack", markers only by "mark".
type script struct {
	t       *testing.T
	shard   *Shard
	now     time.Time
	out     strings.Builder
	writes  []coordinator.Write
	markers []pendingMarker
	history []coordinator.Entry
	fresh   int64
}

type pendingMarker struct {
	Marker
	done func(error)
}

// Write implements Markers and, for the shard, coordinator.Shard by writer below.
func (s *script) Write(m Marker, done func(error)) {
	s.markers = append(s.markers, pendingMarker{m, done})
}

type writer struct{ *script }

func (w writer) Write(write coordinator.Write)   { w.writes = append(w.writes, write) }
func (w writer) Post(fn func(now time.Time))     { fn(w.now) }
func (s *script) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }
func (s *script) code(what string) func(coordinator.Code) {
	return func(code coordinator.Code) { s.say("%s: %s", what, code.Error()) }
}

func (s *script) restart() {
	s.shard = New(Options{}, s)
	s.writes, s.markers = nil, nil
	for _, e := range s.history {
		if err := s.shard.Replay(e); err != nil {
			s.t.Fatal(err)
		}
	}
	s.shard.Start(s.now, 3, writer{s})
}

// settle ends the writes that wait now.
func (s *script) settle(err error) {
	writes := s.writes
	s.writes = nil
	for _, w := range writes {
		if err == nil {
			for _, r := range w.Records {
				s.history = append(s.history, coordinator.Entry{Record: r})
			}
		}
		s.say("%d records, %s", len(w.Records), codeOf(err).Error())
		w.Done(s.now, err)
	}
}

func (s *script) mark() {
	markers := s.markers
	s.markers = nil
	for _, m := range markers {
		bumped := ""
		if m.EpochBumped {
			bumped = ", bumped"
		}
		s.say("marker in %s-%d: producer %d epoch %d%s, commit %t, coordinator epoch %d",
			m.Topic, m.Partition, m.Producer.ID, m.Producer.Epoch, bumped, m.Commit, m.CoordinatorEpoch)
		m.done(nil)
	}
}

func arg(d *datadriven.TestData, key, missing string) string {
	if a, ok := d.Arg(key); ok && len(a.Vals) > 0 {
		return a.Vals[0]
	}
	return missing
}

func (s *script) number(d *datadriven.TestData, key, missing string) int64 {
	n, err := strconv.ParseInt(arg(d, key, missing), 10, 64)
	if err != nil {
		d.Fatalf(s.t, "%s: %v", key, err)
	}
	return n
}

func (s *script) producer(d *datadriven.TestData, missing string) coordinator.Producer {
	return coordinator.Producer{ID: s.number(d, "producer", missing), Epoch: int16(s.number(d, "epoch", missing))}
}

func partitions(d *datadriven.TestData) []TopicPartition {
	var list []TopicPartition
	for word := range strings.FieldsSeq(d.Input) {
		topic, partition, _ := strings.Cut(word, "-")
		p, _ := strconv.Atoi(partition)
		list = append(list, TopicPartition{topic, int32(p)})
	}
	return list
}

func (s *script) init(d *datadriven.TestData) {
	timeout, _ := time.ParseDuration(arg(d, "timeout", "60s"))
	req := InitRequest{ID: arg(d, "id", "x"), Timeout: timeout, Current: s.producer(d, "-1"), FreshID: -1, Wait: d.HasArg("wait")}
	var reply func(r InitResponse)
	reply = func(r InitResponse) {
		if r.NeedID {
			s.fresh++
			req.FreshID = s.fresh
			s.shard.InitProducerID(s.now, req, reply)
			return
		}
		s.say("init: %s, producer %d epoch %d", r.Code.Error(), r.Producer.ID, r.Producer.Epoch)
	}
	s.shard.InitProducerID(s.now, req, reply)
}

func (s *script) end(d *datadriven.TestData) {
	req := EndRequest{ID: arg(d, "id", "x"), Producer: s.producer(d, "0"), Commit: d.HasArg("commit"), FreshID: -1}
	if d.Input != "" {
		req.Partitions = partitions(d)
	}
	if d.HasArg("v2") {
		req.Version = V2
	}
	var calls EndCallbacks
	calls.Decided = func(r EndResponse) {
		switch {
		case r.NeedID:
			s.fresh++
			req.FreshID = s.fresh
			s.shard.End(s.now, req, calls)
		case r.Code == coordinator.OK && req.Version == V2:
			s.say("decided: %s, next producer %d epoch %d", r.Code.Error(), r.Producer.ID, r.Producer.Epoch)
		default:
			s.say("decided: %s", r.Code.Error())
		}
	}
	calls.Visible = func(err error) { s.say("visible: %v", err) }
	s.shard.End(s.now, req, calls)
}

func (s *script) run(_ *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	id := arg(d, "id", "x")
	switch d.Cmd {
	case "init":
		s.init(d)
	case "add":
		req := AddRequest{ID: id, Producer: s.producer(d, "0"), Partitions: partitions(d)}
		if d.HasArg("v2") {
			req.Version = V2
		}
		s.shard.AddPartitions(s.now, req, s.code("add"))
	case "verify":
		req := AddRequest{ID: id, Producer: s.producer(d, "0"), Partitions: partitions(d)}
		for i, code := range s.shard.VerifyPartitions(req) {
			s.say("verify %s-%d: %s", req.Partitions[i].Topic, req.Partitions[i].Partition, code.Error())
		}
	case "begin":
		s.shard.Begin(s.now, id, s.producer(d, "0"), partitions(d), s.code("begin"))
	case "end":
		s.end(d)
	case "ack":
		s.settle(nil)
	case "fail":
		s.settle(coordinator.StorageError)
	case "mark":
		s.mark()
	case "advance":
		by, _ := time.ParseDuration(arg(d, "by", "1s"))
		s.now = s.now.Add(by)
	case "restart":
		s.restart()
	case "snapshot":
		records, _ := s.shard.Snapshot()
		s.history = nil
		for _, r := range records {
			s.history = append(s.history, coordinator.Entry{Record: r})
		}
		s.restart()
	case "describe":
		t := s.shard.Describe(id)
		s.say("%s, %s: producer %d epoch %d %v", t.State, t.Code.Error(), t.Producer.ID, t.Producer.Epoch, t.Partitions)
	default:
		d.Fatalf(s.t, "no command %q", d.Cmd)
	}
	s.shard.Tick(s.now)
	return s.out.String()
}

func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{t: t, now: time.UnixMilli(1_000_000), fresh: 99}
		s.restart()
		datadriven.RunTest(t, path, s.run)
	})
}

func TestEpochsRunOut(t *testing.T) {
	s := &script{t: t, now: time.UnixMilli(1), fresh: 99}
	s.restart()
	ids := []int64{}
	for range epochMax + 3 {
		req := InitRequest{ID: "x", Timeout: time.Second, Current: coordinator.Producer{ID: -1, Epoch: -1}, FreshID: s.fresh + 1}
		s.shard.InitProducerID(s.now, req, func(r InitResponse) {
			if r.Code != coordinator.OK || r.NeedID || r.Producer.Epoch < 0 {
				t.Fatal(r)
			}
			if !slices.Contains(ids, r.Producer.ID) {
				ids = append(ids, r.Producer.ID)
			}
			s.fresh = r.Producer.ID
		})
		s.settle(nil)
	}
	if !slices.Equal(ids, []int64{100, 101}) {
		t.Fatal(ids)
	}
}

// FuzzReplay feeds foreign bytes to the loader: it must refuse or understand them, and what it understood must survive a
// snapshot.
func FuzzReplay(f *testing.F) {
	r := stateRecord("x", &durable{
		previousID: 6, nextID: 8, version: V2,
		producer: coordinator.Producer{ID: 7, Epoch: 3}, timeout: time.Minute, state: Ongoing,
		partitions: partitionSet{{"t", 1}: {}, {"t", 2}: {}}, start: time.UnixMilli(5), update: time.UnixMilli(6),
	})
	f.Add(r.Key, r.Value)
	f.Add(r.Key, append(r.Value[:len(r.Value)-1:len(r.Value)-1], 0xff, 0xff, 0xff, 0xff, 0x0f)) // four billion tags, and no bytes left
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := New(Options{}, &script{})
		if s.Replay(coordinator.Entry{Record: coordinator.Record{Key: key, Value: value}}) != nil {
			return
		}
		records, _ := s.Snapshot()
		again := New(Options{}, &script{})
		for _, r := range records {
			if err := again.Replay(coordinator.Entry{Record: r}); err != nil {
				t.Fatalf("snapshot does not replay: %v", err)
			}
		}
		if a, b := fmt.Sprint(s.List()), fmt.Sprint(again.List()); len(records) > 0 && a != b {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
