package faults

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/freshetdb/freshet/broker"
	"github.com/freshetdb/freshet/storage/vfs"
)

var (
	everySync = flag.Bool("every-sync", false, "TestFaultAtEverySync: at each of them, not at a few by chance")
	shardFlag = flag.String("shard", "1/1", "TestFaultAtEverySync: which part of the runs, K/N")
)

type faultKind string

const (
	powerCut   faultKind = "power-cut"
	failedSync faultKind = "failed-sync"
	fullDisk   faultKind = "full-disk"
	tornWrite  faultKind = "torn-write"
	shortWrite faultKind = "short-write"
)

// passes tells whether the kind leaves the node alive and goes away after a while.
func (k faultKind) passes() bool { return k == fullDisk || k == shortWrite }

// atWrites tells whether the kind happens at writes, not at syncs.
func (k faultKind) atWrites() bool { return k == tornWrite || k == shortWrite }

const (
	// fewRuns is how often each kind happens where -every-sync isn't given.
	fewRuns = 8
	// fullDiskWrites is how many operations fail before there is room again.
	fullDiskWrites = 15
	// progressEvery is after how many runs of the long form a line is printed.
	progressEvery = 100
)

// planned is what shall happen at the at-th sync or write.
type planned struct {
	kind faultKind
	at   int
}

// TestFaultAtEverySync lets something happen to a log's disk at one of its syncs or writes, while a stock client runs a script: the power goes
// (of what was not synced a random part stays), also in the middle of a write; the sync fails; the disk is full for a while, before a write or in
// the middle of it. Whatever the client was told before must hold in the next life, and in the one after it.
//
// go test ./tests/faults -run TestFaultAtEverySync -args -every-sync [-shard 1/4] [-seed N] does it at each of them.
func TestFaultAtEverySync(t *testing.T) {
	rng := seeded(t)
	shard, shards := parseShard(t)
	base := rng.Uint64()
	syncs, writes := script(t, rng, nil)
	t.Logf("%d syncs and %d writes in the whole script", syncs, writes)
	var all tally
	for i, kind := range []faultKind{powerCut, failedSync, fullDisk, tornWrite, shortWrite} {
		total := syncs
		if kind.atWrites() {
			total = writes
		}
		count := &tally{kind: kind}
		at := rng.Perm(total)
		if !*everySync {
			at = at[:min(fewRuns, total)]
		}
		t.Run(string(kind), func(t *testing.T) {
			for j, n := range at {
				if j%shards != shard {
					continue
				}
				t.Run(strconv.Itoa(n), func(t *testing.T) {
					t.Parallel()
					t.Cleanup(func() { count.note(t.Failed()) })
					script(t, rand.New(rand.NewPCG(base, uint64(i)<<32|uint64(n))), &planned{kind: kind, at: n})
				})
			}
		})
		t.Log(count)
		all.passed, all.failed = all.passed+count.passed, all.failed+count.failed
	}
	if *everySync {
		fmt.Fprintf(os.Stderr, "# %s shard %s\n", &all, *shardFlag)
	}
}

// parseShard gives this part of the runs, from 0, and how many parts there are.
func parseShard(t *testing.T) (shard, shards int) {
	if _, err := fmt.Sscanf(*shardFlag, "%d/%d", &shard, &shards); err != nil || shard < 1 || shard > shards {
		t.Fatalf("-shard %q: K/N is expected, K from 1 to N", *shardFlag)
	}
	return shard - 1, shards
}

// tally counts runs.
type tally struct {
	kind faultKind

	mu             sync.Mutex
	passed, failed int // guarded by mu
}

func (c *tally) note(failed bool) {
	c.mu.Lock()
	if failed {
		c.failed++
	} else {
		c.passed++
	}
	show := *everySync && (c.passed+c.failed)%progressEvery == 0
	c.mu.Unlock()
	if show {
		fmt.Fprintln(os.Stderr, "#", c)
	}
}

// String is the counts so far.
func (c *tally) String() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return fmt.Sprintf("%s: %d passed, %d failed", cmp.Or(c.kind, "all faults"), c.passed, c.failed)
}

// script runs the script in one life, with a fault or without, and checks the next two; it tells how many syncs and writes there were.
func script(t *testing.T, rng *rand.Rand, plan *planned) (syncs, writes int) {
	s := &scripted{
		t: t, rng: rng, chance: rand.New(rand.NewPCG(rng.Uint64(), 1)), mem: vfs.NewCrashableMem(), plan: plan, cut: make(chan struct{}),
		plain: map[int32][]string{}, keyed: map[string]string{},
	}
	b := startLog(t, vfs.Inject(vfs.Torn(s.mem, s.tear), s.fault))
	s.prepare(b.Addr().String())
	s.setArmed(true)
	s.run(b.Addr().String())
	s.setArmed(false)
	s.mu.Lock()
	after := s.after
	syncs, writes = s.syncs, s.writes
	s.mu.Unlock()
	if after == nil {
		// Nothing was cut: what is synced now must be enough.
		after = vfs.Crash(s.mem, 0, rng)
	}
	_ = b.Close() // on a disk that nobody will see again
	for life := range 2 {
		next := startLog(t, after)
		s.check(next.Addr().String(), life)
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		after = vfs.Crash(after, 0, rng)
	}
	return syncs, writes
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

// scripted is a script under way and what its client was told.
type scripted struct {
	t    *testing.T
	rng  *rand.Rand // of the script
	mem  *vfs.MemFS
	plan *planned
	cut  chan struct{} // closed when nothing that is told counts any more

	mu     sync.Mutex // guards what follows
	chance *rand.Rand // of faults
	armed  bool
	sealed bool
	syncs  int
	writes int
	full   int // operations that still fail
	after  *vfs.MemFS

	plain     map[int32][]string // acknowledged values, in order
	deleted   int64              // records of plain-0 are deleted below
	deleting  int64              // and perhaps below this, of which nobody told
	committed []string           // transactions known to be committed
	aborted   []string           // known to be aborted
	position  int64
	keyed     map[string]string // the newest acknowledged value of a key
	topics    []string
	reborn    string // the acknowledged record of the topic's last life
	// rebornFrom is the first life of rebornTopic that may still be seen.
	rebornFrom int
	lives      int // of rebornTopic; the script's own
}

// ofLog tells paths of partitions: a fault elsewhere (the metadata) ends the node.
func ofLog(path string) bool { return strings.Contains(path, "topics") }

func (s *scripted) setArmed(armed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = armed
}

// fault is asked before every operation of the disk.
func (s *scripted) fault(op vfs.Op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed {
		return nil
	}
	takesRoom := slices.Contains([]vfs.OpKind{vfs.OpFileWriteAt, vfs.OpFileWrite, vfs.OpCreate}, op.Kind)
	if takesRoom && s.full > 0 && ofLog(op.Path) {
		s.full--
		return syscall.ENOSPC
	}
	if op.Kind != vfs.OpFileSync && op.Kind != vfs.OpFileSyncData || s.sealed {
		return nil
	}
	s.syncs++
	if s.plan == nil || s.plan.kind.atWrites() || s.syncs-1 != s.plan.at {
		return nil
	}
	switch s.plan.kind {
	case powerCut:
		s.seal([]int{0, 50, 100, s.chance.IntN(101)}[s.chance.IntN(4)])
	case failedSync:
		s.seal(0)
		if ofLog(op.Path) {
			return syscall.EIO
		}
	default:
		s.full = fullDiskWrites
	}
	return nil
}

// tear does every write of the disk.
func (s *scripted) tear(path string, p []byte, write func([]byte) (int, error)) (int, error) {
	kind, part := s.torn(path, len(p))
	if kind == "" {
		return write(p)
	}
	n, err := write(p[:part])
	if kind == shortWrite {
		return n, syscall.ENOSPC
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.sealed {
		s.seal(100)
	}
	return n, err
}

// torn counts a write and tells whether, and after how many bytes, it ends too early.
func (s *scripted) torn(path string, size int) (kind faultKind, part int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.armed || s.sealed {
		return "", 0
	}
	s.writes++
	if s.plan == nil || !s.plan.kind.atWrites() || s.writes-1 != s.plan.at {
		return "", 0
	}
	part = s.chance.IntN(size + 1)
	if s.plan.kind == shortWrite {
		if !ofLog(path) {
			return "", 0
		}
		s.full = s.chance.IntN(fullDiskWrites)
	}
	return s.plan.kind, part
}

// seal ends what counts, with the disk as a power cut would leave it; s.mu is held.
func (s *scripted) seal(unsyncedPercent int) {
	s.sealed = true
	s.after = vfs.Crash(s.mem, unsyncedPercent, s.chance)
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
