package client

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/freshetdb/freshet/storage/record"
)

// What is fetched ahead.
const (
	// streamBytes is how much a stream fetches ahead of its reader.
	streamBytes = 1 << 20
	// copyBytes is the size up to which a run is copied out of the answer it came in, so that it does not keep the whole.
	copyBytes = 64 << 10
	// fetchPatience is how long Fetch waits for what is known to be on its way. The engine's workers call it, so it is short.
	fetchPatience = 100 * time.Millisecond
)

// run is a run of whole batches in memory.
type run struct {
	first, next int64 // the offsets it answers for: [first, next)
	batches     []byte
	aborted     []Aborted
	bounds      Offsets
}

// stream is one place from which a partition is read ahead. Readers at the same place share one.
//
//	  runs asked for   runs not asked for
//	├────────────────┼──────────────────┤ at: fetched next
//	                 read
type stream struct {
	feed    *feed
	iso     Isolation
	runs    []run
	read    int64 // offset somebody asked for last, the highest
	at      int64 // offset to fetch next
	ahead   int   // bytes of runs at or above read
	held    int   // bytes of all runs
	fresh   bool  // nothing was answered yet
	stalled int64 // the end below which nothing more came: not to be hurried for again
	flying  bool  // a request is under way
	dead    bool
	err     error // of the offset at; told once
	used    uint64
}

// feed is a watched partition.
type feed struct {
	tp       TopicPartition
	watchers map[*watcher]struct{}
	streams  []*stream
	bounds   Offsets
	leader   int32
	unknown  int // times in a row that nobody knew of the partition
	gone     bool
	news     chan struct{} // closed and replaced when a stream got something
}

// watcher is somebody to tell of news.
type watcher struct {
	mu    sync.Mutex // held while moved runs; guards: over
	moved func()
	over  bool
}

func (w *watcher) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.moved()
	}
}

// feeds are the watched partitions and what has been fetched of them ahead of their readers.
//
// Every broker that leads one has two goroutines (remote_fetch.go): one hurries for what is known to be there, one waits at the ends. Nothing is
// fetched for a partition that nobody watches, nor ahead of a reader by more than streamBytes, nor, when all readers together hold
// RemoteOptions.BufferBytes, for a reader that has anything left.
type feeds struct {
	r *Remote

	mu      sync.Mutex // guards what follows, and every feed and stream
	parts   map[TopicPartition]*feed
	lanes   map[int32]*lanes
	held    int64 // bytes of all runs
	clock   uint64
	closed  bool
	resolve chan struct{} // somebody has no leader
	since   time.Time     // when the cluster was last found not to answer; zero while it does
	cause   error         // of that
	running sync.WaitGroup
}

func (f *feeds) open(r *Remote) {
	f.r, f.parts, f.lanes, f.resolve = r, map[TopicPartition]*feed{}, map[int32]*lanes{}, make(chan struct{}, 1)
	f.running.Go(f.route)
}

func (f *feeds) close() {
	f.mu.Lock()
	f.closed = true
	all := f.lanes
	f.lanes = map[int32]*lanes{}
	for _, p := range f.parts {
		f.tellLocked(p)
	}
	f.mu.Unlock()
	f.running.Wait()
	for _, l := range all {
		l.close()
	}
}

// away notes whether the cluster answers those who look for leaders; nil: it does.
func (f *feeds) away(err error) {
	f.mu.Lock()
	was := !f.since.IsZero()
	switch {
	case err == nil:
		f.since, f.cause = time.Time{}, nil
	case was:
		f.cause = err
	default:
		f.since, f.cause = time.Now(), err
	}
	f.mu.Unlock()
	switch {
	case err != nil && !was:
		f.r.log.Warn("the cluster cannot be reached, reading waits", "err", err)
	case err == nil && was:
		f.r.log.Info("the cluster is reached again")
	}
}

// Away tells since when reading waits because no broker answers, and why; the zero time while some does.
func (r *Remote) Away() (since time.Time, cause error) {
	r.feeds.mu.Lock()
	defer r.feeds.mu.Unlock()
	return r.feeds.since, r.feeds.cause
}

// Watch implements Reader. The end of a partition is followed while somebody fetches from it.
func (r *Remote) Watch(tp TopicPartition, moved func()) (cancel func(), err error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	leader, err := r.leaderOf(tp)
	if err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	w := &watcher{moved: moved}
	f := &r.feeds
	f.mu.Lock()
	p := f.parts[tp]
	if p == nil {
		p = &feed{tp: tp, watchers: map[*watcher]struct{}{}, leader: leader, news: make(chan struct{})}
		f.parts[tp] = p
	}
	p.watchers[w] = struct{}{}
	f.mu.Unlock()
	w.tell()
	return func() {
		f.leave(p, w)
		w.mu.Lock()
		w.over = true
		w.mu.Unlock()
	}, nil
}

// leaderOf is leader, waiting for an answer as long as the client is patient.
func (r *Remote) leaderOf(tp TopicPartition) (leader int32, err error) {
	err = r.onLeader(r.life, tp, func(ctx context.Context, _ *kgo.Broker) (int16, error) {
		leader, err = r.leader(ctx, tp)
		return 0, err
	})
	return leader, err
}

// leave ends a watch: what only it wanted is forgotten.
func (f *feeds) leave(p *feed, w *watcher) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, in := p.watchers[w]; !in {
		return
	}
	delete(p.watchers, w)
	f.crowd(p)
	if len(p.watchers) == 0 && f.parts[p.tp] == p {
		delete(f.parts, p.tp)
	}
}

// crowd ends the streams used longest ago until there are no more than watchers. mu is held.
func (f *feeds) crowd(p *feed) {
	for len(p.streams) > len(p.watchers) {
		oldest := slices.MinFunc(p.streams, func(a, b *stream) int {
			if a.used < b.used {
				return -1
			}
			return 1
		})
		f.end(oldest)
	}
}

// end forgets a stream. mu is held.
func (f *feeds) end(s *stream) {
	s.dead = true
	f.held -= int64(s.held)
	s.runs, s.held, s.ahead = nil, 0, 0
	s.feed.streams = slices.DeleteFunc(s.feed.streams, func(x *stream) bool { return x == s })
}

// bounds notes what was learned of a partition on another way.
func (f *feeds) bounds(tp TopicPartition, o Offsets) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p := f.parts[tp]; p != nil {
		behind := p.bounds
		p.raise(o)
		if behind != p.bounds {
			f.hurry(p)
		}
	}
}

// raise moves bounds up.
func (p *feed) raise(o Offsets) {
	p.bounds.Start = max(p.bounds.Start, o.Start)
	p.bounds.LastStable = max(p.bounds.LastStable, o.LastStable)
	p.bounds.HighWatermark = max(p.bounds.HighWatermark, o.HighWatermark)
}

// end is where readers of an isolation level stop.
func (o Offsets) end(iso Isolation) int64 {
	if iso == ReadCommitted {
		return o.LastStable
	}
	return o.HighWatermark
}

// behind tells whether records are known to be there that were not fetched.
func (s *stream) behind() bool {
	end := s.feed.bounds.end(s.iso)
	return s.fresh || s.at < end && end > s.stalled
}

// Fetch implements Reader: of a watched partition it gives what was fetched ahead, else it asks the leader. It may return nothing
// although there is something to read below the end; the watcher is called when that has come.
func (r *Remote) Fetch(ctx context.Context, tp TopicPartition, offset int64, maxBytes int, iso Isolation) (Fetched, error) {
	f := &r.feeds
	var patience *time.Timer
	for {
		f.mu.Lock()
		p := f.parts[tp]
		if p == nil {
			f.mu.Unlock()
			return r.fetchOnce(ctx, tp, offset, maxBytes, iso)
		}
		got, waiting, err := f.take(p, offset, maxBytes, iso)
		news, closed := p.news, f.closed
		f.mu.Unlock()
		switch {
		case closed:
			return Fetched{}, ErrClosed
		case err != nil:
			return Fetched{}, fmt.Errorf("%s-%d: %w", tp.Topic, tp.Partition, err)
		case !waiting:
			return got, nil
		}
		if patience == nil {
			patience = time.NewTimer(fetchPatience)
			defer patience.Stop()
		}
		select {
		case <-news:
		case <-patience.C:
			return got, nil
		case <-ctx.Done():
			return Fetched{}, ctx.Err()
		}
	}
}

// take gives what a feed has at an offset, or begins to fetch it; waiting tells that something is known to come. mu is held.
func (f *feeds) take(p *feed, offset int64, maxBytes int, iso Isolation) (got Fetched, waiting bool, err error) {
	if p.gone {
		return Fetched{}, false, ErrUnknownTopic
	}
	f.clock++
	for _, s := range p.streams {
		if s.iso != iso {
			continue
		}
		for i := range s.runs {
			if ru := &s.runs[i]; ru.first <= offset && offset < ru.next {
				s.used = f.clock
				cut, err := ru.from(offset, maxBytes)
				f.advance(s, offset)
				return cut, false, err
			}
		}
	}
	for _, s := range p.streams {
		if s.iso != iso || s.at != offset {
			continue
		}
		s.used = f.clock
		if s.err != nil {
			err := s.err
			f.end(s)
			return Fetched{}, false, err
		}
		f.advance(s, offset)
		f.merge(s)
		return Fetched{Offsets: p.bounds}, s.behind(), nil
	}
	s := &stream{feed: p, iso: iso, read: offset, at: offset, fresh: true, used: f.clock, stalled: -1}
	p.streams = append(p.streams, s)
	f.crowd(p)
	f.hurry(p)
	return Fetched{Offsets: p.bounds}, true, nil
}

// advance notes that a stream's reader has come to an offset: what lies below is kept only while others may ask for it and there is
// room. mu is held.
func (f *feeds) advance(s *stream, offset int64) {
	if offset > s.read {
		s.read = offset
	}
	s.ahead = 0
	for i := range s.runs {
		if s.runs[i].next > s.read {
			s.ahead += len(s.runs[i].batches)
		}
	}
	f.drop(s)
	f.hurry(s.feed)
}

// drop forgets runs that were read. mu is held.
func (f *feeds) drop(s *stream) {
	alone := len(s.feed.watchers) <= 1
	for len(s.runs) > 0 && s.runs[0].next <= s.read && (alone || s.held > streamBytes || f.held > f.r.opts.BufferBytes) {
		n := len(s.runs[0].batches)
		s.held -= n
		f.held -= int64(n)
		s.runs[0] = run{}
		s.runs = s.runs[1:]
	}
}

// merge ends other streams that have come to the same place. mu is held.
func (f *feeds) merge(s *stream) {
	for _, other := range slices.Clone(s.feed.streams) {
		if other != s && other.iso == s.iso && other.at == s.at && other.ahead == 0 && !other.flying && other.err == nil {
			f.end(other)
		}
	}
}

// hungry tells whether a stream may be fetched for. mu is held.
func (f *feeds) hungry(s *stream) bool {
	if s.flying || s.dead || s.err != nil || s.feed.gone {
		return false
	}
	return s.ahead == 0 || s.ahead < streamBytes && f.held < f.r.opts.BufferBytes
}

// hurry wakes whoever fetches for a partition. mu is held.
func (f *feeds) hurry(p *feed) {
	if f.closed {
		return
	}
	if p.leader == noLeader {
		notify(f.resolve)
		return
	}
	l := f.lanes[p.leader]
	if l == nil {
		var err error
		if l, err = f.openLanes(p.leader); err != nil {
			f.r.log.Error("cannot fetch", "broker", p.leader, "err", err)
			return
		}
		f.lanes[p.leader] = l
	}
	notify(l.now.wake)
	notify(l.tail.wake)
}

func notify(wake chan struct{}) {
	select {
	case wake <- struct{}{}:
	default:
	}
}

// tellLocked wakes those who wait in Fetch and gives the watchers to call when mu was released. mu is held.
func (f *feeds) tellLocked(p *feed) []*watcher {
	close(p.news)
	p.news = make(chan struct{})
	all := make([]*watcher, 0, len(p.watchers))
	for w := range p.watchers {
		all = append(all, w)
	}
	return all
}

func nothing() {}

// from cuts the batches that hold offset and what follows, whole ones, about maxBytes, out of a run.
func (ru *run) from(offset int64, maxBytes int) (Fetched, error) {
	rest, aborted := ru.batches, ru.aborted
	for {
		b, after, err := record.Next(rest)
		if err != nil {
			return Fetched{}, fmt.Errorf("fetched batches at %d: %w", ru.first, err)
		}
		if b.NextOffset() > offset || len(after) == 0 {
			break
		}
		if b.Control() {
			aborted = withoutEnded(aborted, b)
		}
		rest = after
	}
	end := 0
	for end < len(rest) {
		b, _, err := record.Next(rest[end:])
		if err != nil {
			return Fetched{}, fmt.Errorf("fetched batches at %d: %w", ru.first, err)
		}
		if end > 0 && end+len(b) > maxBytes {
			break
		}
		end += len(b)
	}
	return Fetched{Batches: rest[:end:end], Aborted: aborted, Offsets: ru.bounds, Release: nothing}, nil
}

// withoutEnded takes the aborted transaction that a marker ends off a list in the order of first offsets: what follows of its producer is another one.
func withoutEnded(aborted []Aborted, marker record.Batch) []Aborted {
	for i, a := range aborted {
		if a.ProducerID == marker.ProducerID() && a.FirstOffset <= marker.BaseOffset() {
			return slices.Delete(slices.Clone(aborted), i, i+1)
		}
	}
	return aborted
}
