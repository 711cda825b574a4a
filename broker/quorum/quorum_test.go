package quorum

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/kv"
	"github.com/freshetdb/freshet/storage/vfs"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t testing.TB, fs vfs.FS) *Quorum {
	t.Helper()
	if err := fs.MkdirAll("q", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := vfs.SyncDir(fs, ""); err != nil {
		t.Fatal(err)
	}
	q, err := Open(context.Background(), Options{NodeID: 1, FS: fs, Dir: "q"}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { q.Close() })
	return q
}

// newTopic is a decision that makes a topic.
func newTopic(n int) Decide {
	return func(img *metadata.Image) ([]metadata.Record, error) {
		name := fmt.Sprint("t", n)
		if img.Topic(name) != nil {
			return nil, errExists
		}
		id := metadata.UUID{0: byte(n), 1: byte(n >> 8), 15: 1}
		return []metadata.Record{
			metadata.TopicRecord{ID: id, Name: name},
			metadata.PartitionRecord{TopicID: id, Partition: metadata.Partition{Replicas: []int32{1}, ISR: []int32{1}, Leader: 1}},
		}, nil
	}
}

var errExists = errors.New("exists")

func change(t testing.TB, q *Quorum, d Decide) *metadata.Image {
	t.Helper()
	img, err := q.Change(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestChangesAreDecidedInOrderAndSurviveRestart(t *testing.T) {
	fs := vfs.NewMem()
	q := open(t, fs)
	var seen []uint64
	q.Subscribe(func(img *metadata.Image, _ *metadata.Delta) { seen = append(seen, img.Version()) })
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			if _, err := q.Change(context.Background(), newTopic(i/2)); err != nil && !errors.Is(err, errExists) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := q.Image().TopicCount(); n != 100 {
		t.Fatalf("%d topics", n)
	}
	for i := range seen[1:] {
		if seen[i] >= seen[i+1] {
			t.Fatalf("subscriber saw version %d after %d", seen[i+1], seen[i])
		}
	}
	want := q.Image().Records()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if got := open(t, fs).Image().Records(); !reflect.DeepEqual(got, want) {
		t.Fatalf("after restart: %v", got)
	}
}

func TestRefusedDecisionChangesNothing(t *testing.T) {
	q := open(t, vfs.NewMem())
	before := change(t, q, newTopic(1))
	if _, err := q.Change(context.Background(), newTopic(1)); !errors.Is(err, errExists) {
		t.Fatal(err)
	}
	contradiction := func(*metadata.Image) ([]metadata.Record, error) {
		return []metadata.Record{metadata.TopicRemovedRecord{ID: metadata.UUID{9}}}, nil
	}
	if _, err := q.Change(context.Background(), contradiction); err == nil {
		t.Fatal("a contradiction was committed")
	}
	if q.Image() != before {
		t.Fatal("image changed")
	}
	change(t, q, newTopic(2))
}

func TestSubscriberBeginsWithEverything(t *testing.T) {
	q := open(t, vfs.NewMem())
	change(t, q, newTopic(1))
	called := false
	q.Subscribe(func(img *metadata.Image, d *metadata.Delta) {
		called = called || img.TopicCount() == 1 && len(d.Topics) == 1
	})
	if !called {
		t.Fatal("subscriber was not told")
	}
}

// TestSnapshotAndTail: an image restored from a snapshot and the entries after it are the image there was.
func TestSnapshotAndTail(t *testing.T) {
	fs := vfs.NewMem()
	q := open(t, fs)
	for i := range 20 {
		change(t, q, newTopic(i))
	}
	for range snapshotsKept + 2 { // more than are kept
		if err := q.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		change(t, q, newTopic(q.Image().TopicCount()))
	}
	if kept, err := newSnapshots(q.db).List(); err != nil || len(kept) != snapshotsKept {
		t.Fatal(len(kept), err)
	}
	want := q.Image().Records()
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	q = open(t, fs)
	if got := q.Image().Records(); !reflect.DeepEqual(got, want) {
		t.Fatalf("after restart: %v", got)
	}
	change(t, q, newTopic(999))
}

// TestPowerCut: whatever Change returned survives, whenever the power goes.
func TestPowerCut(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 8 {
		fs := vfs.NewCrashableMem()
		q := open(t, fs)
		n := 1 + rng.IntN(30)
		for i := range n {
			change(t, q, newTopic(i))
		}
		crashed := vfs.Crash(fs, rng.IntN(101), rng)
		q.Close()
		again := open(t, crashed)
		if got := again.Image().TopicCount(); got != n {
			t.Fatalf("%d of %d topics survived", got, n)
		}
		again.Close()
	}
}

func TestClosedQuorumRefuses(t *testing.T) {
	q := open(t, vfs.NewMem())
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Change(context.Background(), newTopic(1)); !errors.Is(err, ErrClosed) && !errors.Is(err, ErrNotLeader) {
		t.Fatal(err)
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNewerRecordsStopTheStart: an entry this program can't read is never skipped.
func TestNewerRecordsStopTheStart(t *testing.T) {
	fs := vfs.NewMem()
	q := open(t, fs)
	change(t, q, newTopic(1))
	newer := append([]byte{commandVersion, byte(q.term)}, 1, 99, 0, 0)
	if err, _ := q.raft.Apply(newer, 0), 0; err.Error() != nil {
		t.Fatal(err.Error())
	}
	q.Close()
	_, err := Open(context.Background(), Options{NodeID: 1, FS: fs, Dir: "q"}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, metadata.ErrUnknownRecord) {
		t.Fatal(err)
	}
}

func TestStoreKeepsRaftsContract(t *testing.T) {
	db, err := kv.Open("d", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := newStore(db)
	if i, err := s.FirstIndex(); i != 0 || err != nil {
		t.Fatal(i, err)
	}
	var logs []*raft.Log
	for i := uint64(1); i <= 300; i++ {
		logs = append(logs, &raft.Log{Index: i, Term: i / 10, Type: raft.LogCommand, Data: []byte{byte(i)}, Extensions: []byte("e"), AppendedAt: time.Unix(0, int64(i))})
	}
	if err := errors.Join(s.StoreLogs(logs), s.DeleteRange(1, 99), s.DeleteRange(290, 300)); err != nil {
		t.Fatal(err)
	}
	lo, _ := s.FirstIndex()
	hi, _ := s.LastIndex()
	if lo != 100 || hi != 289 {
		t.Fatal(lo, hi)
	}
	var l raft.Log
	if err := s.GetLog(5, &l); !errors.Is(err, raft.ErrLogNotFound) {
		t.Fatal(err)
	}
	if err := s.GetLog(123, &l); err != nil || !reflect.DeepEqual(&l, logs[122]) {
		t.Fatal(l, err)
	}
	if v, err := s.GetUint64([]byte("none")); v != 0 || err != nil {
		t.Fatal(v, err)
	}
	if err := s.SetUint64([]byte("term"), 7); err != nil {
		t.Fatal(err)
	}
	if v, err := s.GetUint64([]byte("term")); v != 7 || err != nil {
		t.Fatal(v, err)
	}
}

func TestDamagedSnapshotIsNoticed(t *testing.T) {
	db, err := kv.Open("d", kv.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s := newSnapshots(db)
	sink, _ := s.Create(1, 10, 2, raft.Configuration{}, 1, nil)
	io.Copy(sink, bytes.NewReader([]byte("body")))
	if err := sink.Close(); err != nil {
		t.Fatal(err)
	}
	if _, body, err := s.Open(sink.ID()); err != nil {
		t.Fatal(err)
	} else if got, _ := io.ReadAll(body); string(got) != "body" {
		t.Fatalf("%q", got)
	}
	b := db.NewBatch()
	defer b.Close()
	if err := errors.Join(b.Set(snapshotKey(prefixSnapshotBody, sink.ID()), []byte("bodx")), b.Commit(true)); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Open(sink.ID()); err == nil {
		t.Fatal("damage went unnoticed")
	}
}

func FuzzDecodeEntry(f *testing.F) {
	f.Add(appendEntry(nil, &raft.Log{Term: 1, Data: []byte("d"), Extensions: []byte("e"), AppendedAt: time.Unix(1, 2)}))
	f.Fuzz(func(t *testing.T, v []byte) {
		var l raft.Log
		if decodeEntry(1, v, &l) == nil && !bytes.Equal(appendEntry(nil, &l), v) {
			t.Fatalf("%x became %x", v, appendEntry(nil, &l))
		}
		_, _, _ = decodeCommand(v)
	})
}
