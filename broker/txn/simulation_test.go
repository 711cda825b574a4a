package txn

import (
	"container/heap"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/record"
	"github.com/freshetdb/freshet/storage/vfs"
)

// world is producers of both versions, a coordinator that is started anew now and then, and partitions that are real logs,
// with messages between them that take their time, come twice or not at all. Everything happens in one goroutine.
//
// What transactions v1 cannot stand (KIP-890) is not done to it: a second, late AddPartitions or EndTxn.
type world struct {
	t       *testing.T
	rng     *rand.Rand
	now     time.Time
	events  eventHeap
	seq     int
	shard   *Shard
	life    int32 // of the coordinator, its leader epoch
	history []coordinator.Entry
	pending []coordinator.Write
	logs    []*log.Log
	faults  bool
	nextID  int64
	outcome map[string]string
	acked   map[string][]string
	ended   int
}

type worldEvent struct {
	at  time.Time
	seq int
	run func()
}

type eventHeap []worldEvent

func (h eventHeap) Len() int { return len(h) }
func (h eventHeap) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].seq < h[j].seq
}
func (h eventHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *eventHeap) Push(x any)   { *h = append(*h, x.(worldEvent)) }
func (h *eventHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

func (w *world) after(d time.Duration, run func()) {
	w.seq++
	heap.Push(&w.events, worldEvent{w.now.Add(d), w.seq, run})
}

// delay is how long a message takes: mostly little, sometimes very long.
func (w *world) delay() time.Duration {
	if w.faults && w.rng.IntN(20) == 0 {
		return time.Duration(w.rng.IntN(3000)) * time.Millisecond
	}
	return time.Duration(1+w.rng.IntN(10)) * time.Millisecond
}

func (w *world) unlucky(oneIn int) bool { return w.faults && w.rng.IntN(oneIn) == 0 }

// send delivers a request and takes its answer back, if neither is lost. twice allows a second, late delivery.
func (w *world) send(twice bool, deliver func(reply func())) (answered func(then func())) {
	return func(then func()) {
		reply := func() {
			if !w.unlucky(15) {
				w.after(w.delay(), then)
			}
		}
		if !w.unlucky(15) {
			w.after(w.delay(), func() { deliver(reply) })
		}
		if twice && w.unlucky(8) {
			w.after(w.delay()+time.Duration(w.rng.IntN(2000))*time.Millisecond, func() { deliver(func() {}) })
		}
	}
}

// simOut is the shard's world for one life of it.
type simOut struct {
	w    *world
	life int32
}

func (o simOut) Post(fn func(now time.Time)) {
	o.w.after(0, func() {
		if o.w.life == o.life {
			fn(o.w.now)
		}
	})
}

// Write commits in order, each after a while.
func (o simOut) Write(write coordinator.Write) {
	o.w.pending = append(o.w.pending, write)
	o.w.after(o.w.delay(), func() {
		if o.w.life == o.life && len(o.w.pending) > 0 {
			o.w.commit(o.w.pending[0], true)
		}
	})
}

func (w *world) commit(write coordinator.Write, tell bool) {
	w.pending = w.pending[1:]
	for _, r := range write.Records {
		w.history = append(w.history, coordinator.Entry{Record: r})
	}
	if tell {
		write.Done(w.now, nil)
	}
}

// simMarkers writes markers into the logs; they take a while, are repeated, and may come late when their epoch tells.
type simMarkers struct{ simOut }

func (m simMarkers) Write(marker Marker, done func(error)) {
	w := m.w
	var try func()
	try = func() {
		answered := false
		w.send(marker.EpochBumped, func(reply func()) {
			err := w.mark(marker)
			if err != nil && !errors.Is(err, log.ErrProducerFenced) && !errors.Is(err, log.ErrCoordinatorFenced) {
				w.t.Fatal(err)
			}
			reply()
		})(func() {
			if !answered && w.life == m.life {
				answered = true
				done(nil)
			}
		})
		w.after(5*time.Second, func() {
			if !answered && w.life == m.life {
				try()
			}
		})
	}
	try()
}

func (w *world) mark(m Marker) error {
	batch := record.AppendMarker(nil, m.Producer.ID, m.Producer.Epoch, w.now.UnixMilli(), record.Marker{Commit: m.Commit, CoordinatorEpoch: m.CoordinatorEpoch})
	return w.append(m.Partition, log.Entry{Batch: batch, Origin: log.FromCoordinator, EpochBumped: m.EpochBumped})
}

func (w *world) append(partition int32, e log.Entry) error {
	group := []log.Entry{e}
	if err := w.logs[partition].Append(group, 0, w.now); err != nil {
		w.t.Fatal(err)
	}
	return group[0].Err
}

// restart starts a coordinator from the log. Of what was being written any prefix was.
func (w *world) restart() {
	for n := w.rng.IntN(len(w.pending) + 1); n > 0; n-- {
		w.commit(w.pending[0], false)
	}
	w.pending = nil
	w.life++
	out := simOut{w, w.life}
	w.shard = New(Options{}, simMarkers{out})
	for _, e := range w.history {
		if err := w.shard.Replay(e); err != nil {
			w.t.Fatal(err)
		}
	}
	w.shard.Start(w.now, w.life, out)
}

// simProducer is a client as it should behave.
type simProducer struct {
	w        *world
	id       string
	v2       bool
	self     coordinator.Producer
	sequence map[int32]int32
	left     int // transactions to come
	number   int
	step     int // answers to earlier requests count no more
}

// ask sends until there is an answer that says more than "ask again".
func (p *simProducer) ask(twice bool, request func(reply func(coordinator.Code)), then func(coordinator.Code)) {
	p.step++
	step := p.step
	var try func()
	try = func() {
		answered := false
		var code coordinator.Code
		p.w.send(twice, func(reply func()) {
			request(func(c coordinator.Code) {
				if !answered {
					code = c
				}
				reply()
			})
		})(func() {
			if answered || p.step != step {
				return
			}
			answered = true
			switch code {
			case coordinator.ConcurrentTransactions, coordinator.NotCoordinator:
				p.w.after(20*time.Millisecond, try)
			default:
				p.step++
				then(code)
			}
		})
		p.w.after(6*time.Second, func() {
			if !answered && p.step == step {
				answered = true
				try()
			}
		})
	}
	try()
}

func (p *simProducer) init() {
	p.ask(false, func(reply func(coordinator.Code)) {
		req := InitRequest{ID: p.id, Timeout: 20 * time.Second, Current: nobody(), FreshID: -1}
		var done func(InitResponse)
		done = func(r InitResponse) {
			if r.NeedID {
				p.w.nextID++
				req.FreshID = p.w.nextID
				p.w.shard.InitProducerID(p.w.now, req, done)
				return
			}
			if r.Code == coordinator.OK {
				p.self, p.sequence = r.Producer, map[int32]int32{}
			}
			reply(r.Code)
		}
		p.w.shard.InitProducerID(p.w.now, req, done)
	}, func(code coordinator.Code) {
		if code != coordinator.OK {
			p.w.t.Fatalf("%s: init: %v", p.id, code)
		}
		p.begin()
	})
}

func (p *simProducer) begin() {
	if p.left--; p.left < 0 {
		p.w.ended++
		return
	}
	p.number++
	name := fmt.Sprintf("%s.%d", p.id, p.number)
	p.w.outcome[name] = "unknown"
	var partitions []int32
	for i := range p.w.logs {
		if p.w.rng.IntN(2) == 0 {
			partitions = append(partitions, int32(i))
		}
	}
	var next func(n int)
	next = func(n int) {
		if n == 2*len(partitions) {
			p.end(name)
			return
		}
		p.produce(name, n, partitions[n/2], func() { next(n + 1) })
	}
	if p.v2 || len(partitions) == 0 {
		next(0)
		return
	}
	p.ask(false, func(reply func(coordinator.Code)) {
		p.w.shard.AddPartitions(p.w.now, AddRequest{ID: p.id, Producer: p.self, Partitions: p.w.named(partitions)}, reply)
	}, func(code coordinator.Code) {
		if code != coordinator.OK {
			p.init()
			return
		}
		next(0)
	})
}

func (w *world) named(partitions []int32) []TopicPartition {
	var list []TopicPartition
	for _, p := range partitions {
		list = append(list, TopicPartition{"t", p})
	}
	return list
}

// produce appends a record the way a partition's leader does.
func (p *simProducer) produce(name string, n int, partition int32, then func()) {
	w, self, l := p.w, p.self, p.w.logs[partition]
	value := fmt.Sprintf("%s/%d", name, n)
	sequence := p.sequence[partition]
	p.ask(true, func(reply func(coordinator.Code)) {
		who := log.JoinRequest{ProducerID: self.ID, ProducerEpoch: self.Epoch, Sequence: sequence, Strict: p.v2}
		write := func() {
			b := record.NewBuilder(record.None)
			b.Append(w.now.UnixMilli(), nil, []byte(value), nil)
			batch, err := b.Build(nil)
			if err != nil {
				w.t.Fatal(err)
			}
			batch.SetProducer(self.ID, self.Epoch, sequence, true)
			if w.append(partition, log.Entry{Batch: batch, RequireJoin: true}) != nil {
				reply(coordinator.InvalidTxnState)
				return
			}
			reply(coordinator.OK)
		}
		ticket, joined := l.BeginJoin(who, w.now.UnixMilli())
		if joined {
			write()
			return
		}
		answer := func(code coordinator.Code) {
			if !l.EndJoin(self.ID, ticket, code == coordinator.OK) {
				if code == coordinator.OK {
					code = coordinator.InvalidTxnState
				}
				reply(code)
				return
			}
			write()
		}
		req := AddRequest{ID: p.id, Producer: self, Partitions: w.named([]int32{partition}), Version: V2}
		ask := func() {
			if p.v2 {
				w.shard.AddPartitions(w.now, req, func(code coordinator.Code) { w.after(w.delay(), func() { answer(code) }) })
			} else {
				code := w.shard.VerifyPartitions(req)[0]
				w.after(w.delay(), func() { answer(code) })
			}
		}
		w.after(w.delay(), ask)
	}, func(code coordinator.Code) {
		if code != coordinator.OK {
			p.init() // what was open is aborted by it
			return
		}
		p.sequence[partition]++
		w.acked[name] = append(w.acked[name], value)
		then()
	})
}

func (p *simProducer) end(name string) {
	commit := p.w.rng.IntN(3) > 0
	self := p.self
	var next coordinator.Producer
	version := V1
	if p.v2 {
		version = V2
	}
	p.ask(p.v2, func(reply func(coordinator.Code)) {
		req := EndRequest{ID: p.id, Producer: self, Commit: commit, Version: version, FreshID: -1}
		p.w.shard.End(p.w.now, req, EndCallbacks{Decided: func(r EndResponse) {
			if r.Code == coordinator.OK {
				next = r.Producer
			}
			reply(r.Code)
		}})
	}, func(code coordinator.Code) {
		if code != coordinator.OK { // fenced, timed out, or empty
			p.init()
			return
		}
		p.w.outcome[name] = map[bool]string{true: "committed", false: "aborted"}[commit]
		if p.v2 {
			p.self, p.sequence = next, map[int32]int32{}
		}
		p.begin()
	})
}

// visible is what readers of committed records see, and whether they get to the end.
func (w *world) visible(l *log.Log) (values []string) {
	end := l.EndOffset()
	if stable := l.LastStableOffset(end); stable != end {
		w.t.Fatalf("readers hang at %d of %d", stable, end)
	}
	aborted, err := l.AbortedTxns(nil, 0, end)
	if err != nil {
		w.t.Fatal(err)
	}
	for at := int64(0); at < end; {
		span, err := l.Read(at, 1<<20, true, end)
		if err != nil {
			w.t.Fatal(err)
		}
		for rest := span.Bytes; len(rest) > 0; {
			var b record.Batch
			if b, rest, err = record.Next(rest); err != nil {
				w.t.Fatal(err)
			}
			at = b.NextOffset()
			gone := slices.ContainsFunc(aborted, func(a log.AbortedTxn) bool {
				return a.ProducerID == b.ProducerID() && a.FirstOffset <= b.BaseOffset() && b.BaseOffset() <= a.LastOffset
			})
			if gone || b.Control() {
				continue
			}
			it, err := record.Records(b, nil)
			if err != nil {
				w.t.Fatal(err)
			}
			var r record.Record
			for it.Next(&r) {
				values = append(values, string(r.Value))
			}
		}
		span.Release()
	}
	return values
}

// check holds the history against what readers see.
func (w *world) check() {
	seen := map[string]int{}
	byTxn := map[string]int{}
	for _, l := range w.logs {
		for _, v := range w.visible(l) {
			if seen[v]++; seen[v] > 1 {
				w.t.Fatalf("%s is there twice", v)
			}
			name := v[:slices.Index([]byte(v), '/')]
			byTxn[name]++
		}
	}
	for name, outcome := range w.outcome {
		switch n := byTxn[name]; {
		case outcome == "committed" && n != len(w.acked[name]):
			w.t.Fatalf("%s was committed with %d records, readers see %d", name, len(w.acked[name]), n)
		case outcome == "aborted" && n > 0:
			w.t.Fatalf("%s was aborted, readers see %d of its records", name, n)
		case outcome == "unknown" && n > 0 && n < len(w.acked[name]):
			w.t.Fatalf("%s is torn: %d of %d records", name, n, len(w.acked[name]))
		}
	}
	epochs := map[int64]int16{}
	for _, e := range w.history {
		s := New(Options{}, nil)
		if err := s.Replay(e); err != nil {
			w.t.Fatal(err)
		}
		for _, d := range s.List() {
			if d.Producer.Epoch < epochs[d.Producer.ID] {
				w.t.Fatalf("epoch of producer %d goes back from %d to %d", d.Producer.ID, epochs[d.Producer.ID], d.Producer.Epoch)
			}
			epochs[d.Producer.ID] = d.Producer.Epoch
		}
	}
}

func (w *world) run(producers, transactions int) {
	for i := range producers {
		p := &simProducer{w: w, id: fmt.Sprintf("p%d", i), v2: i%3 != 0, left: transactions}
		w.after(w.delay(), p.init)
	}
	for i := range 12 {
		w.after(time.Duration(i*7+w.rng.IntN(5))*time.Second, w.restart)
	}
	const calm = 100 * time.Second // from then on nothing fails
	w.after(calm, func() { w.faults = false })
	start := w.now
	for steps := 0; len(w.events) > 0; steps++ {
		if steps > 2_000_000 {
			w.t.Fatal("does not end")
		}
		e := heap.Pop(&w.events).(worldEvent)
		w.now = e.at
		e.run()
		if at := w.shard.Tick(w.now); !at.IsZero() && len(w.events) == 0 && w.now.Sub(start) < time.Hour {
			w.after(at.Sub(w.now), func() {})
		}
	}
	if w.ended != producers {
		w.t.Fatalf("%d of %d producers came to their end", w.ended, producers)
	}
	w.check()
}

func TestTransactionsInAnUnreliableWorld(t *testing.T) {
	const runs = 60
	first := rand.Uint64()
	outcomes := map[string]int{}
	for seed := first; seed < first+runs; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { simulate(t, seed, outcomes) })
	}
	t.Logf("%d transactions: %v", outcomes["committed"]+outcomes["aborted"]+outcomes["unknown"], outcomes)
	for _, outcome := range []string{"committed", "aborted", "unknown"} {
		if outcomes[outcome] < runs {
			t.Errorf("only %d transactions were %s", outcomes[outcome], outcome)
		}
	}
}

func simulate(t *testing.T, seed uint64, outcomes map[string]int) {
	w := &world{
		t: t, rng: rand.New(rand.NewPCG(seed, 1)), now: time.UnixMilli(1_000_000), faults: true,
		outcome: map[string]string{}, acked: map[string][]string{},
	}
	for range 3 {
		l, err := log.Open("/t", log.Options{FS: vfs.NewMem(), Config: log.DefaultConfig(), Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		w.logs = append(w.logs, l)
	}
	w.restart()
	w.run(4, 12)
	for _, l := range w.logs {
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for _, outcome := range w.outcome {
		outcomes[outcome]++
	}
}
