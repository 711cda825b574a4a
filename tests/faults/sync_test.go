package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/storage/vfs"
)

var everySync = flag.Bool("every-sync", false, "TestFaultAtEverySync: at each of them, not at a few by chance")

// The script: rounds of a plain produce, a transaction, a committed position, keyed records on a compacted topic of tiny segments, and now and then
// deleted records and a new topic.
const (
	scriptRounds   = 8
	scriptBatch    = 3
	scriptKeys     = 4
	scriptGroup    = "script"
	fewSyncs       = 10
	fullDiskWrites = 15
	tinySegment    = "600"
)

// TestFaultAtEverySync lets something happen to a log's disk at one of its syncs, while a stock client runs a script: the power goes (of what was
// not synced a random part stays), the sync fails, the disk is full for a while. Whatever the client was told before must hold in the next life.
func TestFaultAtEverySync(t *testing.T) {
	rng := seeded(t)
	total := script(t, rng, nil)
	t.Logf("%d syncs in the whole script", total)
	for _, kind := range []faultKind{powerCut, failedSync, fullDisk} {
		t.Run(string(kind), func(t *testing.T) {
			at := rng.Perm(total)
			if !*everySync {
				at = at[:min(fewSyncs, total)]
			}
			for _, n := range at {
				sub := rand.New(rand.NewPCG(rng.Uint64(), 0))
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					t.Parallel()
					script(t, sub, &planned{kind: kind, at: n})
				})
			}
		})
	}
}

type faultKind string

const (
	powerCut   faultKind = "power-cut"
	failedSync faultKind = "failed-sync"
	fullDisk   faultKind = "full-disk"
)

// planned is what shall happen at the at-th sync.
type planned struct {
	kind faultKind
	at   int
}

// script runs the script in one life, with a fault or without, and checks the next one; it tells how many syncs there were.
func script(t *testing.T, rng *rand.Rand, plan *planned) (syncs int) {
	d := newDisk(vfs.NewCrashableMem())
	b := startLog(t, d.fs())
	s := &scripted{t: t, rng: rng, disk: d, plan: plan, cut: make(chan struct{}), plain: map[int32][]string{}, keyed: map[string]string{}}
	s.prepare(b.Addr().String())
	d.set(s.fault)
	s.run(b.Addr().String())
	d.set(nil)
	s.mu.Lock()
	after, syncs := s.after, s.syncs
	s.mu.Unlock()
	if after == nil {
		// Nothing was cut: what is synced now must be enough.
		after = vfs.Crash(d.mem, 0, rng)
	}
	_ = b.Close() // on a disk that nobody will see again
	next := startLog(t, after)
	s.check(next.Addr().String())
	if err := next.Close(); err != nil {
		t.Error(err)
	}
	return syncs
}

func startLog(t *testing.T, fs vfs.FS) *broker.Broker {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b, err := broker.Start(ctx, broker.Options{
		FS: fs, DataDir: dataDir, Listen: []string{"127.0.0.1:0"}, RetentionInterval: retryPause, Logger: slog.New(slog.NewTextHandler(logTo(), nil)),
	})
	if err != nil {
		t.Fatal("start: ", err)
	}
	return b
}

// scripted is a script under way and what it was told.
type scripted struct {
	t    *testing.T
	rng  *rand.Rand
	disk *disk
	plan *planned
	cut  chan struct{} // closed when nothing that is told counts any more

	mu     sync.Mutex // guards what follows
	sealed bool
	syncs  int
	full   int // writes that still fail
	after  *vfs.MemFS

	plain     map[int32][]string // acknowledged values, in order
	deleted   int64              // records of plain-0 are deleted below
	deleting  int64              // and perhaps below this, of which nobody told
	committed []string           // transactions known to be committed
	aborted   []string           // known to be aborted
	position  int64
	keyed     map[string]string // the newest acknowledged value of a key
	topics    []string
}

// fault is asked before every operation of the disk.
func (s *scripted) fault(op vfs.Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	write := op.Kind == vfs.OpFileWriteAt || op.Kind == vfs.OpFileWrite || op.Kind == vfs.OpCreate
	if write && s.full > 0 && strings.Contains(op.Path, "topics") {
		s.full--
		return syscall.ENOSPC
	}
	if op.Kind != vfs.OpFileSync && op.Kind != vfs.OpFileSyncData || s.sealed {
		return nil
	}
	s.syncs++
	if s.plan == nil || s.syncs-1 != s.plan.at {
		return nil
	}
	switch s.plan.kind {
	case powerCut:
		s.seal([]int{0, 50, 100, s.rng.IntN(101)}[s.rng.IntN(4)])
	case failedSync:
		if !strings.Contains(op.Path, "topics") {
			s.seal(0) // metadata: the node ends itself
			return nil
		}
		s.seal(0)
		return syscall.EIO
	case fullDisk:
		s.full = fullDiskWrites
	}
	return nil
}

// seal ends what counts, with the disk as a power cut would leave it; s.mu is held.
func (s *scripted) seal(unsyncedPercent int) {
	s.sealed = true
	s.after = vfs.Crash(s.disk.mem, unsyncedPercent, s.rng)
	close(s.cut)
}

// over tells whether nothing counts any more.
func (s *scripted) over() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sealed
}

// told notes what the client was told, if it still counts.
func (s *scripted) told(note func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sealed {
		note()
	}
}

func (s *scripted) prepare(address string) {
	cl := newClient(s.t, address)
	defer cl.Close()
	createTopic(s.t, cl, "plain", 2)
	createTopic(s.t, cl, "ledger", 2)
	if err := makeTopic(testContext(s.t), cl, "keyed", map[string]string{
		"cleanup.policy": "compact", "segment.bytes": tinySegment, "min.cleanable.dirty.ratio": "0.01",
	}); err != nil {
		s.t.Fatal(err)
	}
}

// makeTopic makes a topic of one partition.
func makeTopic(ctx context.Context, cl *kgo.Client, name string, configs map[string]string) error {
	req := kmsg.NewPtrCreateTopicsRequest()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, 1, 1
	for key, value := range configs {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = key, &value
		topic.Configs = append(topic.Configs, c)
	}
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	return kerr.ErrorForCode(resp.Topics[0].ErrorCode)
}

// run runs the script until its end or the cut. Steps that fail for another reason than the cut are repeated: a full disk passes.
func (s *scripted) run(address string) {
	ctx, cancel := context.WithCancel(testContext(s.t))
	defer cancel()
	go func() { // ends with ctx at the latest
		select {
		case <-s.cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	opts := []kgo.Opt{kgo.RecordPartitioner(kgo.ManualPartitioner())}
	cl := newClient(s.t, address, append(opts, kgo.MaxVersions(kversion.V3_8_0()))...) // positions by topic name
	defer cl.Close()
	// BeginTransaction takes no context: a client ends its wait for a coordinator that cannot write any more only by being closed.
	var release func() bool
	newTxn := func() *kgo.Client {
		txn := newClient(s.t, address, append(opts, kgo.TransactionalID("script"))...)
		release = context.AfterFunc(ctx, txn.Close)
		return txn
	}
	txn := newTxn()
	defer func() { release(); txn.Close() }()
	for round := range scriptRounds {
		for _, step := range []func(context.Context) error{
			func(ctx context.Context) error { return s.plainRound(ctx, cl, round) },
			func(ctx context.Context) error { return s.transaction(ctx, txn, round) },
			func(ctx context.Context) error { return s.commitPosition(ctx, cl, int64(round+1)) },
			func(ctx context.Context) error { return s.keyedRound(ctx, cl, round) },
			func(ctx context.Context) error { return s.housekeeping(ctx, cl, round) },
		} {
			for {
				err := step(ctx)
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					if !s.over() {
						s.t.Errorf("round %d: nothing goes on: %v", round, err)
					}
					return
				}
				if s.plan == nil || s.plan.kind != fullDisk {
					s.t.Errorf("round %d: %v", round, err)
					return
				}
				s.t.Logf("round %d, on a full disk: %v", round, err)
				release() // a failed transaction may have spoilt its client
				txn.Close()
				txn = newTxn()
			}
		}
	}
}

func (s *scripted) plainRound(ctx context.Context, cl *kgo.Client, round int) error {
	partition := int32(round % 2)
	for i := range scriptBatch {
		r := &kgo.Record{Topic: "plain", Partition: partition, Value: fmt.Appendf(nil, "%d-%d", round, i)}
		if err := cl.ProduceSync(ctx, r).FirstErr(); err != nil {
			return err
		}
		s.told(func() { s.plain[partition] = append(s.plain[partition], string(r.Value)) })
	}
	return nil
}

// transaction writes to both partitions of the ledger; every third one is aborted.
func (s *scripted) transaction(ctx context.Context, cl *kgo.Client, round int) error {
	id := strconv.Itoa(round) + "-" + strconv.Itoa(s.rng.IntN(1_000_000))
	if err := cl.BeginTransaction(); err != nil {
		return err
	}
	var produced error
	for partition := range int32(2) {
		for range scriptBatch {
			r := &kgo.Record{Topic: "ledger", Partition: partition, Value: []byte(id)}
			produced = errors.Join(produced, cl.ProduceSync(ctx, r).FirstErr())
		}
	}
	commit := produced == nil && round%3 != 2
	if err := cl.EndTransaction(ctx, kgo.TransactionEndTry(commit)); err != nil {
		return err
	}
	s.told(func() {
		if commit {
			s.committed = append(s.committed, id)
		} else {
			s.aborted = append(s.aborted, id)
		}
	})
	return produced
}

func (s *scripted) commitPosition(ctx context.Context, cl *kgo.Client, position int64) error {
	req := kmsg.NewPtrOffsetCommitRequest()
	req.Group = scriptGroup
	topic := kmsg.NewOffsetCommitRequestTopic()
	topic.Topic = "plain"
	p := kmsg.NewOffsetCommitRequestTopicPartition()
	p.Offset = position
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	req.Generation = -1
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		return err
	}
	s.told(func() { s.position = position })
	return nil
}

func (s *scripted) keyedRound(ctx context.Context, cl *kgo.Client, round int) error {
	for i := range scriptKeys {
		key, value := "k"+strconv.Itoa(i), fmt.Sprintf("%03d", round)
		if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "keyed", Key: []byte(key), Value: []byte(value)}).FirstErr(); err != nil {
			return err
		}
		s.told(func() { s.keyed[key] = value })
	}
	return nil
}

func (s *scripted) housekeeping(ctx context.Context, cl *kgo.Client, round int) error {
	if round%2 == 0 {
		return s.deleteRecords(ctx, cl, int64(round))
	}
	name := "made-" + strconv.Itoa(round)
	if err := makeTopic(ctx, cl, name, nil); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return err
	}
	s.told(func() { s.topics = append(s.topics, name) })
	return nil
}

func (s *scripted) deleteRecords(ctx context.Context, cl *kgo.Client, before int64) error {
	req := kmsg.NewPtrDeleteRecordsRequest()
	topic := kmsg.NewDeleteRecordsRequestTopic()
	topic.Topic = "plain"
	p := kmsg.NewDeleteRecordsRequestTopicPartition()
	p.Offset = before
	s.told(func() { s.deleting = before })
	topic.Partitions = append(topic.Partitions, p)
	req.Topics = append(req.Topics, topic)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		return err
	}
	if err := kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode); err != nil {
		return err
	}
	s.told(func() { s.deleted = before })
	return nil
}

// check compares the next life with what was told.
func (s *scripted) check(address string) {
	cl := newClient(s.t, address)
	defer cl.Close()
	ctx := testContext(s.t)
	s.checkPlain(address)
	s.checkLedger(address)
	s.checkKeyed(address)
	if got := s.positionNow(ctx, cl); got < s.position {
		s.t.Errorf("position %d, %d was committed", got, s.position)
	}
	for _, name := range s.topics {
		if err := makeTopic(ctx, cl, name, nil); !errors.Is(err, kerr.TopicAlreadyExists) {
			s.t.Errorf("topic %s was made before the fault and is gone: %v", name, err)
		}
	}
	// The next life works.
	if err := cl.ProduceSync(ctx, &kgo.Record{Topic: "plain", Value: []byte("after")}).FirstErr(); err != nil {
		s.t.Error(err)
	}
}

func (s *scripted) positionNow(ctx context.Context, cl *kgo.Client) int64 {
	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group, req.Group = scriptGroup, scriptGroup
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, cl)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, topic := range resp.Groups[0].Topics {
		for _, p := range topic.Partitions {
			return p.Offset
		}
	}
	return 0
}

// checkPlain: acknowledged records are there, once and in order; what was deleted does not come back.
func (s *scripted) checkPlain(address string) {
	got := map[int32][]string{}
	for _, r := range readCommitted(s.t, address, "plain") {
		if r.Partition == 0 && r.Offset < s.deleted {
			s.t.Errorf("plain-0 has offset %d, deleted below %d", r.Offset, s.deleted)
		}
		got[r.Partition] = append(got[r.Partition], string(r.Value))
	}
	for partition, want := range s.plain {
		have := got[partition]
		if partition == 0 {
			want = want[min(s.deleted, int64(len(want))):]
			if s.deleting > s.deleted && len(have) < len(want) {
				want = want[min(s.deleting-s.deleted, int64(len(want))):]
			}
		}
		if len(have) < len(want) || strings.Join(have[:len(want)], " ") != strings.Join(want, " ") && s.plan != nil && s.plan.kind != fullDisk {
			s.t.Errorf("plain-%d: %v, acknowledged were %v", partition, have, want)
		}
	}
}

// checkLedger: of committed transactions everything, of aborted ones nothing, of others all or nothing.
func (s *scripted) checkLedger(address string) {
	count := map[string]int{}
	for _, r := range readCommitted(s.t, address, "ledger") {
		count[string(r.Value)]++
	}
	for _, id := range s.committed {
		if count[id] != 2*scriptBatch {
			s.t.Errorf("transaction %s was committed, %d of %d records are seen", id, count[id], 2*scriptBatch)
		}
	}
	for _, id := range s.aborted {
		if count[id] != 0 {
			s.t.Errorf("transaction %s was aborted, %d records are seen", id, count[id])
		}
	}
	for id, n := range count {
		if n != 2*scriptBatch {
			s.t.Errorf("transaction %s is torn: %d of %d records are seen", id, n, 2*scriptBatch)
		}
	}
}

// checkKeyed: the newest value of a key is the acknowledged one or one sent after it.
func (s *scripted) checkKeyed(address string) {
	newest := map[string]string{}
	for _, r := range readCommitted(s.t, address, "keyed") {
		newest[string(r.Key)] = string(r.Value)
	}
	for key, want := range s.keyed {
		if newest[key] < want {
			s.t.Errorf("%s is %q, %q was acknowledged", key, newest[key], want)
		}
	}
}
