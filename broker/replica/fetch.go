package replica

import (
	"cmp"
	"context"
	"sync"
	"time"

	"github.com/freshetdb/freshet/storage/log"
)

// FetchPartition is one partition of a fetch.
type FetchPartition struct {
	// Partition is nil when it could not be found; Err says why then and is handed through.
	Partition *Partition
	Err       error
	Offset    int64
	MaxBytes  int
	// LeaderEpoch is what the reader believes, -1 for unknown.
	LeaderEpoch int32
	// LastEpoch is the leader epoch of the reader's last record, -1 when it doesn't say: a reader whose past is not ours is told where
	// the ways parted instead of getting records (KIP-595).
	LastEpoch int32
}

// FetchRequest is a read of several partitions that may wait for data.
type FetchRequest struct {
	Partitions []FetchPartition
	// MinBytes is how much must be there before MaxWait is over, or MaxBytes when that is less, as in Kafka.
	MinBytes int
	// MaxBytes bounds the whole answer, except that the first batch found is given whatever its size (KIP-74).
	MaxBytes int
	// MaxMemory bounds how much of the answer is in memory; the rest comes as ranges of files. 0 is as much as MaxBytes.
	MaxMemory int
	// Memory, when given, is asked for that much before each read, and allows it or less. It gets back what wasn't needed at once, the rest when
	// done has returned or before the fetch waits.
	Memory    Memory
	MaxWait   time.Duration
	Isolation Isolation
}

// Memory is what all who read share.
type Memory interface {
	// TakeRoom sets at most most bytes aside and tells how many.
	TakeRoom(most int) int
	GiveRoom(bytes int)
}

// Fetched is what one partition gave, in the request's order.
type Fetched struct {
	Read
	Err error
	// Diverging says, instead of records, where the reader's past and ours part.
	Diverging *Divergence
}

// Divergence is the largest leader epoch both may have in common and where it ends here.
type Divergence struct {
	Epoch     int32
	EndOffset int64
}

// Fetch reads the partitions and calls done once, from any goroutine: at once when MinBytes are there, a partition has an error
// or MaxWait is 0, else when enough has arrived, MaxWait is over or ctx has ended. done owns the spans and must Release them.
func (m *Manager) Fetch(ctx context.Context, req FetchRequest, done func([]Fetched)) {
	f := &fetch{req: req, done: done, results: make([]Fetched, len(req.Partitions))}
	if f.read() || req.MaxWait <= 0 || len(req.Partitions) == 0 || ctx.Err() != nil {
		f.answer()
		return
	}
	f.release() // who waits holds no memory
	m.metrics.parkedFetches.Inc()
	f.done = func(got []Fetched) {
		m.metrics.parkedFetches.Dec()
		done(got)
	}
	f.park(ctx)
}

// fetch is a fetch under way.
//
//	read ──enough──► done
//	  └─► parked ──moved / expired──► running ──enough or expired──► done
//	        ▲                            │
//	        └────────── too little ◄─────┘   (moved meanwhile: runs again)
type fetch struct {
	req  FetchRequest
	done func([]Fetched)
	// results belong to the goroutine that reads: the caller's, then the one that set running.
	results []Fetched
	room    int // of Memory, in use

	watchers []watcher
	timer    *time.Timer
	stopCtx  func() bool

	mu       sync.Mutex // guards what follows
	running  bool
	moved    bool
	expired  bool
	finished bool
}

// read fills results and tells whether they are worth answering.
func (f *fetch) read() bool {
	f.giveRoom()
	taken := f.takeRoom()
	budget, memory, total, used, final := f.req.MaxBytes, taken, 0, 0, false
	for i := range f.req.Partitions {
		fp, res := &f.req.Partitions[i], &f.results[i]
		res.Span.Release()
		*res = Fetched{Err: fp.Err}
		if res.Err == nil {
			res.Err = fp.check()
		}
		if res.Err == nil {
			res.Diverging, res.Err = fp.divergence()
		}
		switch {
		case res.Err != nil:
		case res.Diverging != nil:
			res.Bounds, res.Err = fp.Partition.Bounds()
		default:
			res.Read, res.Err = fp.Partition.ReadRange(fp.Offset, min(fp.MaxBytes, budget), memory, total == 0, f.req.Isolation)
		}
		final = final || res.Err != nil || res.Diverging != nil
		total += res.Span.Len()
		used += res.Span.Weight()
		budget, memory = max(0, budget-res.Span.Len()), max(0, taken-used)
	}
	f.keepRoom(used)
	return final || total >= min(f.req.MinBytes, f.req.MaxBytes) || memory == 0
}

func (fp *FetchPartition) check() error {
	if !fp.Partition.state.Load().leads {
		return ErrNotLeader
	}
	return fp.Partition.CheckEpoch(fp.LeaderEpoch)
}

// takeRoom asks for memory to read into.
func (f *fetch) takeRoom() int {
	most := cmp.Or(f.req.MaxMemory, f.req.MaxBytes)
	if f.req.Memory != nil {
		f.room = f.req.Memory.TakeRoom(most)
		return f.room
	}
	return most
}

// keepRoom gives back all but the bytes that are used: more than was taken, when the first batch alone is larger.
func (f *fetch) keepRoom(used int) {
	if f.req.Memory != nil {
		f.req.Memory.GiveRoom(f.room - used)
		f.room = used
	}
}

func (f *fetch) giveRoom() { f.keepRoom(0) }

// release lets go of what was read.
func (f *fetch) release() {
	for i := range f.results {
		f.results[i].Span.Release()
	}
	f.giveRoom()
}

// answer hands over what was read.
func (f *fetch) answer() {
	f.done(f.results)
	f.giveRoom()
}

// divergence compares the reader's last epoch with ours.
func (fp *FetchPartition) divergence() (*Divergence, error) {
	if fp.LastEpoch < 0 {
		return nil, nil
	}
	epoch, end, err := fp.Partition.EpochEnd(fp.LastEpoch)
	if err != nil {
		return nil, err
	}
	if epoch < 0 || end < 0 {
		return nil, log.ErrOffsetOutOfRange
	}
	if epoch < fp.LastEpoch || end < fp.Offset {
		return &Divergence{Epoch: epoch, EndOffset: end}, nil
	}
	return nil, nil
}

// park waits on every partition. What moved between the read and the watch is found by reading once more.
func (f *fetch) park(ctx context.Context) {
	f.running, f.moved = true, true // nobody else knows f yet; wake-ups from now on only leave a note
	f.watchers = make([]watcher, len(f.req.Partitions))
	for i := range f.watchers {
		w := &f.watchers[i]
		w.moved = f.wake
		f.req.Partitions[i].Partition.watch(w)
	}
	f.timer = time.AfterFunc(f.req.MaxWait, f.expire)
	f.stopCtx = context.AfterFunc(ctx, f.expire)
	f.run()
}

// wake is called under a partition's watchMu, by those who append and sync: it must be quick.
func (f *fetch) wake() {
	f.mu.Lock()
	start := !f.running && !f.finished
	f.moved = true
	f.running = f.running || start
	f.mu.Unlock()
	if start {
		go f.run()
	}
}

// expire ends the wait with what is there.
func (f *fetch) expire() {
	f.mu.Lock()
	start := !f.running && !f.finished
	f.expired = true
	f.running = f.running || start
	f.mu.Unlock()
	if start {
		f.run()
	}
}

// run reads until nothing moved meanwhile, or there is an answer. The caller has set running.
func (f *fetch) run() {
	for {
		f.mu.Lock()
		if !f.moved && !f.expired {
			f.running = false
			f.mu.Unlock()
			return
		}
		expired := f.expired
		f.moved = false
		f.mu.Unlock()
		if f.read() || expired {
			break
		}
		f.release()
	}
	f.mu.Lock()
	f.finished = true
	f.mu.Unlock()
	for i := range f.watchers {
		f.watchers[i].cancel()
	}
	f.timer.Stop()
	f.stopCtx()
	f.answer()
}
