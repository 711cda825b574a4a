package replica

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
	"github.com/freshetdb/freshet/storage/vfs"
)

// Options of a Manager.
type Options struct {
	// NodeID is this broker's number.
	NodeID int32
	// FS and Dir say where the partitions' directories (<topic>-<partition>) lie. Dir must exist.
	FS  vfs.FS
	Dir string
	// Clock is time.Now unless set.
	Clock func() time.Time
	// RetentionInterval is the time between two looks for segments to delete (30 seconds).
	RetentionInterval time.Duration
	// StaticConfigs are the broker configs this node was started with; they and the dynamic ones give topics their defaults.
	StaticConfigs map[string]string
	// Registerer takes the metrics; nil registers none.
	Registerer prometheus.Registerer
	// Cleaner bounds compaction.
	Cleaner CleanerOptions
	// OpenFiles bounds the segment files that are open at a time (log.OpenFiles): half of what the system allows the process
	// (RLIMIT_NOFILE) unless set.
	OpenFiles int
	// Clean says that every log was closed in order last time (log.TakeCleanShutdown).
	Clean bool
}

const (
	defaultRetentionInterval = 30 * time.Second
	// openConcurrency is how many logs are recovered at once after a start.
	openConcurrency = 4
	// syncInterval is how long a record of a flush.mode=interval topic may be unsynced.
	syncInterval = time.Second
)

const (
	// openFilesShare of the files that the process may have open may be segments: the rest is for connections and everything else.
	openFilesShare = 2
	// openFilesUnlimited is the bound of segments where there is no such limit.
	openFilesUnlimited = 1 << 16
)

func openFilesDefault() int {
	if limit, ok := vfs.FileLimit(); ok {
		return max(limit/openFilesShare, 1)
	}
	return openFilesUnlimited
}

// Manager holds this node's partitions. Its methods may be called from any goroutine.
type Manager struct {
	opts     Options
	now      func() time.Time
	log      *slog.Logger
	syncer   *log.Syncer
	buffers  *log.Buffers
	files    *log.OpenFiles
	ops      appendOps
	metrics  *metrics
	recoders recoders
	// synced tells that what was on the disk at the start is durable.
	synced bool
	// wakeKeeper tells Run of removals.
	wakeKeeper chan struct{}
	// cleaner bounds compaction; wakeCleaner tells of other bounds.
	cleaner     atomic.Pointer[CleanerOptions]
	wakeCleaner chan struct{}

	mu         sync.RWMutex // guards what follows
	partitions map[metadata.TopicPartition]*Partition
	byID       map[idPartition]*Partition
	removals   map[string][]*removal // by directory, in the order of the deletions
	defaults   metadata.TopicDefaults
	// producerExpiry is producer.id.expiration.ms.
	producerExpiry time.Duration
	closed         bool
}

type idPartition struct {
	id    metadata.UUID
	index int32
}

// removal is a directory to be removed: of a deleted partition, or (partition nil) left over from an interrupted removal.
type removal struct {
	dir       string
	partition *Partition
	done      chan struct{}
}

// NewManager makes a manager without partitions: ApplyImage brings them. Run must be running for anything to be acknowledged.
func NewManager(opts Options, logger *slog.Logger) (*Manager, error) {
	if opts.Clock == nil {
		opts.Clock = time.Now
	}
	if opts.RetentionInterval <= 0 {
		opts.RetentionInterval = defaultRetentionInterval
	}
	logger = logger.With("component", "replica")
	m := &Manager{
		opts: opts, now: opts.Clock, log: logger,
		syncer: log.NewSyncer(log.SyncerOptions{Interval: syncInterval, Logger: logger, FS: opts.FS, Dir: opts.Dir}), buffers: log.NewBuffers(),
		files:      log.NewOpenFiles(cmp.Or(opts.OpenFiles, openFilesDefault())),
		wakeKeeper: make(chan struct{}, 1), wakeCleaner: make(chan struct{}, 1),
		recoders:   newRecoders(),
		partitions: make(map[metadata.TopicPartition]*Partition),
		byID:       make(map[idPartition]*Partition),
		removals:   make(map[string][]*removal),
	}
	m.SetCleaner(opts.Cleaner)
	m.metrics = newMetrics(opts.Registerer, m)
	if !opts.Clean {
		if err := m.syncDisk(); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// syncDisk makes what a killed process left in the cache durable, for all logs together where the system can.
func (m *Manager) syncDisk() error {
	dir, err := m.opts.FS.OpenDir(m.opts.Dir)
	if err != nil {
		return fmt.Errorf("open partitions: %w", err)
	}
	defer func() { _ = dir.Close() }()
	if m.synced, err = vfs.SyncFS(dir); err != nil {
		return fmt.Errorf("sync partitions: %w", err)
	}
	return nil
}

// Close closes every log, several at once, after making its records durable and acknowledging them as far as the disk
// allows. Appends and reads after it answer ErrUnknownPartition. Run must still be running. clean says that every log on disk was
// recovered and closed in order, which is what the clean-shutdown mark promises the next start. Close is idempotent.
func (m *Manager) Close() (clean bool, err error) {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
	partitions := m.Partitions()
	logs, unopened := make([]*log.Log, 0, len(partitions)), false
	for _, p := range partitions {
		switch l := p.beginClose(); {
		case l != nil:
			logs = append(logs, l)
		case !unopened && m.onDisk(p):
			unopened = true
		}
	}
	err = log.CloseAll(m.opts.FS, m.opts.Dir, logs)
	for _, p := range partitions {
		p.endClose()
	}
	if err != nil {
		return false, fmt.Errorf("close partitions: %w", err)
	}
	return m.syncer.Err() == nil && (m.opts.Clean || !unopened), nil // logs on a dead disk are let go without an error
}

// onDisk tells whether anything was ever written to the partition.
func (m *Manager) onDisk(p *Partition) bool {
	_, err := m.opts.FS.Stat(p.dir)
	return err == nil
}

// Partition finds a partition this node leads. Errors: ErrUnknownPartition, ErrNotLeader.
func (m *Manager) Partition(topic string, index int32) (*Partition, error) {
	m.mu.RLock()
	p := m.partitions[metadata.TopicPartition{Topic: topic, Partition: index}]
	m.mu.RUnlock()
	if p == nil {
		return nil, ErrUnknownPartition
	}
	if !p.state.Load().leads {
		return nil, ErrNotLeader
	}
	return p, nil
}

// PartitionByID finds a partition by topic id. Errors: ErrUnknownTopicID, ErrNotLeader.
func (m *Manager) PartitionByID(id metadata.UUID, index int32) (*Partition, error) {
	m.mu.RLock()
	p := m.byID[idPartition{id, index}]
	m.mu.RUnlock()
	if p == nil {
		return nil, ErrUnknownTopicID
	}
	if !p.state.Load().leads {
		return nil, ErrNotLeader
	}
	return p, nil
}

// Partitions lists the partitions this node holds, in no particular order.
func (m *Manager) Partitions() []*Partition {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make([]*Partition, 0, len(m.partitions))
	for _, p := range m.partitions {
		out = append(out, p)
	}
	return out
}

// ApplyImage makes the manager's partitions those of the image. It does no I/O: logs are opened at their first use and deleted
// ones are removed by Run. delta says what changed since the last call (metadata.FullDelta the first time).
func (m *Manager) ApplyImage(img *metadata.Image, delta *metadata.Delta) {
	var ended []*Partition
	m.mu.Lock()
	if delta.BrokerConfigs {
		configs := img.NodeConfigs(m.opts.NodeID, m.opts.StaticConfigs)
		m.defaults, m.producerExpiry = configs.TopicDefaults(), configs.Millis(metadata.ConfigProducerExpiryMs)
	}
	for _, change := range delta.Topics {
		ended = append(ended, m.drop(change)...)
	}
	for _, change := range delta.Topics {
		m.adopt(change.After)
	}
	if delta.BrokerConfigs {
		for t := range img.Topics() {
			if _, adopted := delta.Topics[t.ID]; !adopted {
				m.adopt(t)
			}
		}
	}
	m.mu.Unlock()
	if len(ended) > 0 {
		m.wake()
	}
}

// wake tells the keeper that there are directories to remove.
func (m *Manager) wake() {
	select {
	case m.wakeKeeper <- struct{}{}:
	default:
	}
}

// drop takes the partitions of a deleted topic out of the tables and marks their directories for removal.
func (m *Manager) drop(change metadata.TopicChange) (ended []*Partition) {
	if change.Before == nil || change.After != nil {
		return nil
	}
	for i := range change.Before.Partitions {
		tp := metadata.TopicPartition{Topic: change.Before.Name, Partition: int32(i)}
		p := m.partitions[tp]
		if p == nil || p.id != change.Before.ID {
			continue
		}
		delete(m.partitions, tp)
		delete(m.byID, idPartition{p.id, p.index})
		m.removals[p.dir] = append(m.removals[p.dir], &removal{dir: p.dir, partition: p, done: make(chan struct{})})
		ended = append(ended, p)
	}
	return ended
}

// adopt brings the partitions of a new or changed topic up to date.
func (m *Manager) adopt(t *metadata.Topic) {
	if t == nil || m.closed {
		return
	}
	config := m.defaults.Parse(t.Configs)
	for i, agreed := range t.Partitions {
		tp := metadata.TopicPartition{Topic: t.Name, Partition: int32(i)}
		s := &state{Partition: agreed, config: config, leads: agreed.Leader == m.opts.NodeID, producerExpiry: m.producerExpiry}
		p := m.partitions[tp]
		if p == nil {
			p = &Partition{
				m: m, topic: t.Name, id: t.ID, index: int32(i),
				dir: m.opts.FS.PathJoin(m.opts.Dir, t.Name+"-"+strconv.Itoa(i)),
			}
			p.epochAssigned.Store(-1)
			m.partitions[tp] = p
			m.byID[idPartition{t.ID, int32(i)}] = p
		}
		p.apply(s)
	}
}

// awaitRemoval waits until earlier partitions of the same name have left the directory. It is false when p itself was deleted: its removal
// waits for whoever opens it.
func (m *Manager) awaitRemoval(p *Partition) bool {
	m.mu.RLock()
	var last *removal
	for _, r := range m.removals[p.dir] {
		if r.partition == p {
			m.mu.RUnlock()
			return false
		}
		last = r
	}
	m.mu.RUnlock()
	if last != nil {
		<-last.done
	}
	return true
}

// Run syncs, retains, compacts and removes until ctx ends. Close the manager first, so that the last appends are acknowledged.
func (m *Manager) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return m.syncer.Run(ctx) })
	g.Go(func() error { return m.keep(ctx) })
	g.Go(func() error { return m.clean(ctx) })
	return g.Wait()
}

// keep removes deleted partitions at once and old segments from time to time.
func (m *Manager) keep(ctx context.Context) error {
	tick := time.NewTicker(m.opts.RetentionInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			m.removeEnded()
			return nil
		case <-m.wakeKeeper:
			m.removeEnded()
		case <-tick.C:
			m.retain(ctx)
		}
	}
}

func (m *Manager) removeEnded() {
	m.mu.RLock()
	ended := make([]*removal, 0, len(m.removals))
	for _, list := range m.removals {
		ended = append(ended, list...)
	}
	m.mu.RUnlock()
	for _, r := range ended {
		if err := m.remove(r); err != nil {
			m.log.Error("deleted partition's directory can't be removed", "dir", r.dir, "err", err)
		}
		m.removed(r)
	}
}

// removed strikes out the first removal of a directory: those of partitions deleted since come after it.
func (m *Manager) removed(r *removal) {
	m.mu.Lock()
	if rest := m.removals[r.dir][1:]; len(rest) > 0 {
		m.removals[r.dir] = rest
	} else {
		delete(m.removals, r.dir)
	}
	m.mu.Unlock()
	close(r.done)
}

func (m *Manager) remove(r *removal) error {
	if r.partition != nil {
		return r.partition.remove()
	}
	m.log.Info("directory of a deleted partition removed", "dir", r.dir)
	return log.RemoveDir(m.opts.FS, r.dir)
}

func (m *Manager) retain(ctx context.Context) {
	for _, p := range m.Partitions() {
		if ctx.Err() != nil {
			return
		}
		n, err := p.retain(m.now())
		switch {
		case err != nil && !errors.Is(err, ErrUnknownPartition):
			m.log.Error("retention failed", "topic", p.topic, "partition", p.index, "err", err)
		case n > 0:
			m.metrics.deletedSegments.Add(float64(n))
			m.log.Info("segments deleted", "topic", p.topic, "partition", p.index, "segments", n)
		}
	}
}

// Warm opens every log that has a directory, several at once, until ctx ends; otherwise each is opened at its first use.
func (m *Manager) Warm(ctx context.Context) {
	var g errgroup.Group
	g.SetLimit(openConcurrency)
	for _, p := range m.Partitions() {
		if ctx.Err() != nil {
			break
		}
		if !m.onDisk(p) {
			continue
		}
		g.Go(func() error {
			_, err := p.open()
			return err
		})
	}
	if err := g.Wait(); err != nil && !errors.Is(err, ErrUnknownPartition) {
		m.log.Error("not every partition could be opened", "err", err)
	}
}
