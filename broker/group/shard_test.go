package group

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/cockroachdb/datadriven"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/metadata"
)

// script drives a shard by commands: events go in, answers and records come out as text, time moves only by "advance"
// and writes are committed only by "ack".
type script struct {
	t       *testing.T
	opts    Options
	shard   *Shard
	now     time.Time
	out     strings.Builder
	writes  []coordinator.Write
	history []coordinator.Entry // everything committed
	ids     int
	topics  fakeTopics
}

// Write implements coordinator.Shard.
func (s *script) Write(w coordinator.Write) { s.writes = append(s.writes, w) }

// Post implements coordinator.Shard.
func (s *script) Post(fn func(now time.Time)) { fn(s.now) }

func (s *script) restart() {
	s.shard = New(s.opts, Deps{Topics: func() Topics { return s.topics }})
	s.ids = 0
	s.shard.newID = func() string { s.ids++; return strconv.Itoa(s.ids) }
	for _, e := range s.history {
		if err := s.shard.Replay(e); err != nil {
			s.t.Fatal(err)
		}
	}
	s.shard.Start(s.now, 0, s)
}

// settle ends so many writes, of those that wait or come.
func (s *script) settle(err error, most int64) {
	for ; len(s.writes) > 0 && most > 0; most-- {
		w := s.writes[0]
		s.writes = s.writes[1:]
		for _, r := range w.Records {
			e := coordinator.Entry{Record: r, Offset: int64(len(s.history)), ProducerID: -1}
			if w.Txn != nil {
				e.Transactional, e.ProducerID = true, w.Txn.ID
			}
			if err == nil {
				s.history = append(s.history, e)
			}
		}
		w.Done(s.now, err)
		fmt.Fprintf(&s.out, "%d records, %s\n", len(w.Records), codeOf(err).Error())
	}
}

// allWrites is how many writes end when a command does not say.
const allWrites = "1000000"

func (s *script) say(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

// arg gives an argument's value, or what stands for a missing one.
func arg(d *datadriven.TestData, key, missing string) string {
	if a, ok := d.Arg(key); ok && len(a.Vals) > 0 {
		return strings.Join(a.Vals, ",")
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

func (s *script) duration(d *datadriven.TestData, key, missing string) time.Duration {
	v, err := time.ParseDuration(arg(d, key, missing))
	if err != nil {
		d.Fatalf(s.t, "%s: %v", key, err)
	}
	return v
}

func (s *script) who(d *datadriven.TestData) Committer {
	return Committer{
		Group: arg(d, "group", "g"), MemberID: arg(d, "member", ""), InstanceID: arg(d, "instance", ""),
		Generation: int32(s.number(d, "gen", "-1")), KnowsEpochs: d.HasArg("v9"),
	}
}

func (s *script) join(d *datadriven.TestData) {
	name := arg(d, "client", "c")
	req := JoinRequest{
		Group: arg(d, "group", "g"), MemberID: arg(d, "member", ""), InstanceID: arg(d, "instance", ""),
		ClientID: name, ClientHost: "/h", ProtocolType: arg(d, "type", "consumer"),
		SessionTimeout: s.duration(d, "session", "10s"), RebalanceTimeout: s.duration(d, "rebalance", "60s"),
		RequireKnownMemberID: d.HasArg("v4"), CanSkipAssignment: d.HasArg("v9"),
	}
	for p := range strings.SplitSeq(arg(d, "protocols", "range"), ",") {
		said := []byte(arg(d, "topics", "t"))
		if d.HasArg("holds") || d.HasArg("consumer") {
			said = s.subscription(d)
		}
		req.Protocols = append(req.Protocols, Protocol{Name: p, Metadata: said})
	}
	s.shard.Join(s.now, req, func(r JoinResponse) {
		s.say("%s joined: %s, member %s, generation %d, protocol %q, leader %q%s", name, r.Code.Error(), r.MemberID, r.Generation, r.Protocol, r.Leader, joinedMembers(r))
	})
}

func joinedMembers(r JoinResponse) string {
	out := ""
	if r.SkipAssignment {
		out = ", skip assignment"
	}
	for _, m := range r.Members {
		said := string(m.Metadata)
		if strings.ContainsFunc(said, unicode.IsControl) {
			said = "..."
		}
		out += " [" + m.MemberID + " " + said + "]"
	}
	return out
}

func (s *script) sync(d *datadriven.TestData) {
	who := s.who(d)
	req := SyncRequest{
		Group: who.Group, MemberID: who.MemberID, InstanceID: who.InstanceID, Generation: who.Generation,
		Protocol: arg(d, "protocol", ""), Assignments: map[string][]byte{},
	}
	for line := range strings.FieldsSeq(d.Input) { // member=assignment
		member, assignment, _ := strings.Cut(line, "=")
		req.Assignments[member] = []byte(assignment)
	}
	s.shard.Sync(s.now, req, func(r SyncResponse) {
		var a kmsg.ConsumerMemberAssignment
		if len(r.Assignment) > 2 && a.ReadFrom(r.Assignment) == nil {
			s.say("%s synced: %s, assigned %v", who.MemberID, r.Code.Error(), a.Topics)
			return
		}
		s.say("%s synced: %s, assignment %q", who.MemberID, r.Code.Error(), r.Assignment)
	})
}

// positions reads "topic-partition=offset" words; without an offset they name partitions.
func (s *script) positions(d *datadriven.TestData) []TopicOffset {
	var list []TopicOffset
	for word := range strings.FieldsSeq(d.Input) {
		name, offset, _ := strings.Cut(word, "=")
		topic, partition, _ := strings.Cut(name, "-")
		p, _ := strconv.Atoi(partition)
		o, _ := strconv.Atoi(offset)
		list = append(list, TopicOffset{Topic: topic, Partition: int32(p), Offset: Offset{
			Offset: int64(o), LeaderEpoch: -1, Metadata: arg(d, "metadata", ""),
		}})
	}
	return list
}

func (s *script) sayPositions(what string, list []TopicOffset) {
	for _, o := range list {
		s.say("%s %s-%d=%d: %s", what, o.Topic, o.Partition, o.Offset.Offset, o.Code.Error())
	}
}

func (s *script) commit(d *datadriven.TestData) {
	reply := func(list []TopicOffset) { s.sayPositions("committed", list) }
	if pid := s.number(d, "producer", "-1"); pid >= 0 {
		s.shard.CommitTxn(s.now, s.who(d), coordinator.Producer{ID: pid}, s.positions(d), reply)
		return
	}
	s.shard.Commit(s.now, s.who(d), s.positions(d), reply)
}

func (s *script) describe(d *datadriven.TestData) {
	g := s.shard.Describe(arg(d, "group", "g"))
	s.say("%s: %s, generation %d, protocol %q", g.State, g.Code.Error(), g.Generation, g.Protocol)
	for _, m := range g.Members {
		s.say("  %s instance %q of %s: %q", m.MemberID, m.InstanceID, m.ClientID, m.Assignment)
	}
}

func (s *script) endTxn(d *datadriven.TestData) {
	e := coordinator.Entry{ProducerID: s.number(d, "producer", "0"), Marker: coordinator.AbortMarker}
	if d.HasArg("commit") {
		e.Marker = coordinator.CommitMarker
	}
	s.history = append(s.history, e)
	s.shard.EndTxn(e.ProducerID, d.HasArg("commit"))
}

// remove runs the commands that forget something.
func (s *script) remove(d *datadriven.TestData) {
	switch d.Cmd {
	case "delete":
		s.shard.Delete(s.now, arg(d, "group", "g"), func(code coordinator.Code) { s.say("deleted: %s", code.Error()) })
	case "delete-offsets":
		s.shard.DeleteOffsets(arg(d, "group", "g"), s.positions(d), func(code coordinator.Code, list []TopicOffset) {
			s.say("deleted: %s", code.Error())
			s.sayPositions("deleted", list)
		})
	case "drop-topic":
		s.shard.DropTopic(arg(d, "topic", "t"))
	}
}

// run runs one command and gives everything that came out.
func (s *script) run(_ *testing.T, d *datadriven.TestData) string {
	s.out.Reset()
	switch d.Cmd {
	case "options":
		s.opts.InitialRebalanceDelay = s.duration(d, "delay", "-1ns")
		s.opts.MembersMax = int(s.number(d, "members", "0"))
		s.opts.ConsumersMax = s.opts.MembersMax
		s.opts.Migration = arg(d, "migration", "")
		s.opts.OffsetsRetention = s.duration(d, "retention", "0s")
		s.restart()
	case "join":
		s.join(d)
	case "sync":
		s.sync(d)
	case "heartbeat":
		s.shard.Heartbeat(s.now, s.who(d), func(code coordinator.Code) { s.say("%s", code.Error()) })
	case "leave":
		who := s.who(d)
		s.shard.Leave(s.now, who.Group, []LeavingMember{{MemberID: who.MemberID, InstanceID: who.InstanceID}}, func(code coordinator.Code, codes []coordinator.Code) {
			s.say("%s, %s", code.Error(), codes[0].Error())
		})
	case "commit":
		s.commit(d)
	case "fetch":
		list := s.positions(d)
		s.sayPositions("position", s.shard.Fetch(arg(d, "group", "g"), list, d.HasArg("stable")))
	case "end-txn":
		s.endTxn(d)
	case "delete", "delete-offsets", "drop-topic":
		s.remove(d)
	case "beat":
		s.beat(d)
	case "topic":
		s.topics.set(arg(d, "name", "t"), int(s.number(d, "partitions", "0")))
	case "consumers":
		s.consumers(d)
	case "may-fetch":
		s.say("%s", s.shard.MayFetch(s.who(d)).Error())
	case "describe":
		s.describe(d)
	case "list":
		for _, l := range s.shard.List() {
			s.say("%s %s %s %s", l.Group, l.ProtocolType, l.Type, l.State)
		}
	case "advance":
		s.now = s.now.Add(s.duration(d, "by", "1s"))
	case "ack":
		s.settle(nil, s.number(d, "writes", allWrites))
	case "fail":
		s.settle(coordinator.StorageError, s.number(d, "writes", allWrites))
	case "restart":
		s.restart()
	case "snapshot":
		s.snapshot()
	default:
		d.Fatalf(s.t, "no command %q", d.Cmd)
	}
	tick(s.t, s.shard, s.now)
	return s.out.String()
}

// tick lets timers fire. What is due happens or waits for something else: the shard's goroutine would run in circles otherwise.
func tick(t *testing.T, shard *Shard, now time.Time) {
	t.Helper()
	for range 3 {
		if next := shard.Tick(now); next.IsZero() || next.After(now) {
			return
		}
	}
	t.Fatal("a timer that is due stays due")
}

// snapshot replaces everything committed by a snapshot.
func (s *script) snapshot() {
	records, ok := s.shard.Snapshot()
	s.say("%d records, %t", len(records), ok)
	if !ok {
		return
	}
	s.history = nil
	for _, r := range records {
		s.history = append(s.history, coordinator.Entry{Record: r, ProducerID: -1})
	}
}

func TestScripts(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &script{t: t, now: time.UnixMilli(1_000_000), topics: newFakeTopics(), opts: Options{InitialRebalanceDelay: -1}}
		s.restart()
		datadriven.RunTest(t, path, s.run)
	})
}

// FuzzReplay feeds foreign bytes to the loader: it must refuse or understand them, and what it understood must survive a
// snapshot.
func FuzzReplay(f *testing.F) {
	g := newGroup("g", time.UnixMilli(1))
	g.protocolType, g.protocol, g.generation, g.state = "consumer", "range", 3, Stable
	g.add(&member{id: "m", instanceID: "i", clientID: "c", sessionTimeout: time.Second, protocols: []Protocol{{Name: "range"}}})
	c := newConsumers()
	c.epoch, c.targetEpoch, c.hash = 4, 3, 99
	p := Partition{Topic: metadata.UUID{1}, Partition: 2}
	c.set(&consumer{id: "m", instance: "i", rack: "r", clientID: "c", names: []string{"t"}, regex: "t.*", assignor: "range", state: memberUnrevoked, epoch: 3, assigned: owned{p: 3}, revoking: owned{{Partition: 7}: 2}})
	c.set(&consumer{id: "o", state: memberStable, classic: &classic{sessionTimeout: time.Second, protocols: []Protocol{{Name: "range", Metadata: []byte("x")}}}})
	c.target["m"], c.regexes["t.*"] = []Partition{p}, resolved{topics: []string{"t"}, version: 5, at: time.UnixMilli(1)}
	for _, r := range c.snapshot("g") {
		f.Add(r.Key, r.Value)
		f.Add(r.Key, []byte(nil))
	}
	for _, r := range []coordinator.Record{
		offsetRecord("g", "t", 1, &Offset{Offset: 7, Metadata: "x"}), offsetRecord("g", "t", 1, nil),
		groupRecord(g, nil, false), groupRecord(g, nil, true),
	} {
		f.Add(r.Key, r.Value)
	}
	f.Fuzz(func(t *testing.T, key, value []byte) {
		s := New(Options{}, Deps{})
		if s.Replay(coordinator.Entry{Record: coordinator.Record{Key: key, Value: value}, ProducerID: -1}) != nil {
			return
		}
		records, _ := s.Snapshot()
		again := New(Options{}, Deps{})
		for _, r := range records {
			if err := again.Replay(coordinator.Entry{Record: r, ProducerID: -1}); err != nil {
				t.Fatalf("snapshot does not replay: %v", err)
			}
		}
		if a, b := fmt.Sprint(s.List()), fmt.Sprint(again.List()); a != b {
			t.Fatalf("%s became %s", a, b)
		}
	})
}
