package client

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/freshetdb/freshet/storage/record"
)

const (
	// tailWait is how long a broker may keep a request that waits at the ends of partitions; newcomerWait one for partitions that are not
	// yet part of it.
	tailWait     = 100 * time.Millisecond
	newcomerWait = 10 * time.Millisecond
	// answerBytes bounds one answer.
	answerBytes = 16 << 20
	// unknownTimes is how often in a row nobody must know of a partition until it counts as deleted.
	unknownTimes = 3
	// routeTimeout bounds one look for leaders, slowPause the time between two while nobody answers.
	routeTimeout = 15 * time.Second
	slowPause    = time.Second
)

// lane is a connection to a broker and the goroutine that fetches by it.
type lane struct {
	broker *kgo.Broker
	cl     *kgo.Client
	wake   chan struct{}
	known  bool // the kgo client has heard of its brokers
}

// lanes are the two of a broker. Partitions known to have more go by now; those read to their end wait in one request of tail. A partition
// that comes to its end while that request is out is asked for by now, with short waits, until tail comes back for it.
type lanes struct {
	id        int32
	now, tail lane
	out       bool // guarded by feeds.mu: tail's request is under way
	turn      bool // guarded by feeds.mu: tail wants all that wait
	newcomers bool // guarded by feeds.mu: now asks for some that wait
}

// openLanes starts fetching from a broker. mu is held.
func (f *feeds) openLanes(id int32) (*lanes, error) {
	tail, err := f.r.connection()
	if err != nil {
		return nil, err
	}
	l := &lanes{id: id}
	l.now = lane{broker: f.r.cl.Broker(int(id)), cl: f.r.cl, wake: make(chan struct{}, 1)}
	l.tail = lane{broker: tail.Broker(int(id)), cl: tail, wake: make(chan struct{}, 1)}
	f.running.Go(func() { f.run(l, &l.now, false) })
	f.running.Go(func() { f.run(l, &l.tail, true) })
	return l, nil
}

// close ends the connection; the goroutines have ended.
func (l *lanes) close() { l.tail.cl.Close() }

// run fetches by one lane until the client is closed.
func (f *feeds) run(l *lanes, ln *lane, tail bool) {
	ctx := f.r.life
	for ctx.Err() == nil {
		streams, wait := f.collect(l, tail)
		if len(streams) == 0 {
			select {
			case <-ln.wake:
			case <-ctx.Done():
			}
			continue
		}
		resp, err := f.fetch(ctx, ln, streams, wait)
		f.deliver(l, tail, streams, resp, err)
		if err != nil && ctx.Err() == nil {
			f.r.log.Debug("fetch failed", "broker", l.id, "err", err)
			pause(ctx, retryPause)
		}
	}
}

// collect takes the streams a lane should ask for next: one a partition, all of one isolation level.
func (f *feeds) collect(l *lanes, tail bool) (streams []*stream, wait time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if tail && l.newcomers {
		l.turn = true
		return nil, 0
	}
	if tail {
		streams, wait = f.choose(l.id, false), tailWait
		l.turn, l.out = false, len(streams) > 0
	} else {
		streams = f.choose(l.id, true)
		if len(streams) == 0 && l.out && !l.turn {
			streams, wait = f.choose(l.id, false), newcomerWait
			l.newcomers = len(streams) > 0
		}
	}
	for _, s := range streams {
		s.flying = true
	}
	return streams, wait
}

// choose lists hungry streams that are behind, or those that are not. mu is held.
func (f *feeds) choose(broker int32, behind bool) (streams []*stream) {
	for _, p := range f.parts { // in another order each time, as a map does, so that none is always the last
		if p.leader != broker {
			continue
		}
		for _, s := range p.streams {
			if f.hungry(s) && s.behind() == behind && (len(streams) == 0 || streams[0].iso == s.iso) {
				streams = append(streams, s)
				break
			}
		}
	}
	return streams
}

// fetch asks for streams.
func (f *feeds) fetch(ctx context.Context, ln *lane, streams []*stream, wait time.Duration) (*kmsg.FetchResponse, error) {
	if !ln.known {
		meta := kmsg.NewPtrMetadataRequest()
		meta.Topics = []kmsg.MetadataRequestTopic{}
		if _, err := meta.RequestWith(ctx, ln.cl); err != nil {
			return nil, err
		}
		ln.known = true
	}
	req := kmsg.NewPtrFetchRequest()
	req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes = -1, int32(wait.Milliseconds()), 1, answerBytes
	req.IsolationLevel = int8(streams[0].iso)
	slices.SortFunc(streams, func(a, b *stream) int { return compareTopicPartitions(a.feed.tp, b.feed.tp) })
	for _, s := range streams { // tp and at of a flying stream do not change
		addPartition(req, f.r.names.out(s.feed.tp.Topic), s.feed.tp.Partition, s.at, streamBytes)
	}
	resp, err := answerOf[*kmsg.FetchResponse](ln.broker.Request(ctx, req))
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		ln.known = false
		return nil, err
	}
	return resp, nil
}

// addPartition adds one to a request whose last topic may be the same.
func addPartition(req *kmsg.FetchRequest, topic string, partition int32, at int64, maxBytes int32) {
	n := len(req.Topics)
	if n == 0 || req.Topics[n-1].Topic != topic {
		t := kmsg.NewFetchRequestTopic()
		t.Topic = topic
		req.Topics = append(req.Topics, t)
		n++
	}
	p := kmsg.NewFetchRequestTopicPartition()
	p.Partition, p.FetchOffset, p.PartitionMaxBytes = partition, at, maxBytes
	req.Topics[n-1].Partitions = append(req.Topics[n-1].Partitions, p)
}

// deliver hands an answer to the streams and calls the watchers of those that got something.
func (f *feeds) deliver(l *lanes, tail bool, streams []*stream, resp *kmsg.FetchResponse, err error) {
	byPartition := map[TopicPartition]*kmsg.FetchResponseTopicPartition{}
	total := 0
	if err == nil {
		for i := range resp.Topics {
			t := &resp.Topics[i]
			name, _ := f.r.names.in(t.Topic)
			for j := range t.Partitions {
				byPartition[TopicPartition{Topic: name, Partition: t.Partitions[j].Partition}] = &t.Partitions[j]
				total += len(t.Partitions[j].RecordBatches)
			}
		}
	}
	var call []*watcher
	f.mu.Lock()
	if tail {
		l.out = false
	} else {
		l.newcomers = false
	}
	for _, s := range streams {
		s.flying = false
		if s.dead {
			continue
		}
		got := byPartition[s.feed.tp]
		if got == nil {
			f.lost(s.feed)
			continue
		}
		if f.accept(s, got, total < answerBytes/2) {
			call = append(call, f.tellLocked(s.feed)...)
		}
	}
	notify(l.now.wake)
	notify(l.tail.wake)
	f.mu.Unlock()
	for _, w := range call {
		w.tell()
	}
}

// lost notes that a partition's leader is not known. mu is held.
func (f *feeds) lost(p *feed) {
	p.leader = noLeader
	f.r.routes.forget(p.tp.Topic)
	notify(f.resolve)
}

// accept takes the answer about a stream; it tells whether there is news. complete says that the answer had room for more. mu is held.
func (f *feeds) accept(s *stream, got *kmsg.FetchResponseTopicPartition, complete bool) bool {
	p := s.feed
	switch code := got.ErrorCode; {
	case code == kerr.UnknownTopicOrPartition.Code || code == kerr.UnknownTopicID.Code:
		p.unknown++
		f.lost(p)
		return false
	case code == kerr.OffsetOutOfRange.Code || code != 0 && !passing(code):
		s.err, s.fresh = codeErr(code), false
		return true
	case code != 0:
		f.lost(p)
		return false
	}
	p.unknown = 0
	before := p.bounds
	p.raise(Offsets{Start: got.LogStartOffset, LastStable: got.LastStableOffset, HighWatermark: got.HighWatermark})
	fresh := s.fresh
	s.fresh = false
	ru, err := newRun(s.at, got)
	switch {
	case err != nil:
		s.err = err
		return true
	case len(ru.batches) == 0:
		if end := p.bounds.end(s.iso); complete && s.at < end {
			s.stalled = end
		}
		return fresh || p.bounds != before
	}
	ru.bounds = p.bounds
	s.runs = append(s.runs, ru)
	s.at = ru.next
	s.held += len(ru.batches)
	s.ahead += len(ru.batches)
	f.held += int64(len(ru.batches))
	f.drop(s)
	return true
}

// newRun makes a run of what was fetched at an offset: whole batches; one cut off at the end is left out.
func newRun(at int64, got *kmsg.FetchResponseTopicPartition) (run, error) {
	ru := run{first: at, next: at}
	end := 0
	for end < len(got.RecordBatches) {
		b, _, err := record.Next(got.RecordBatches[end:])
		if errors.Is(err, record.ErrTorn) {
			break
		}
		if err != nil {
			return ru, fmt.Errorf("fetched at %d: %w", at, err)
		}
		if b.CRC() != b.ComputeCRC() {
			return ru, fmt.Errorf("fetched at %d: %w: batch at %d has a wrong checksum", at, record.ErrCorrupt, b.BaseOffset())
		}
		end += len(b)
		ru.next = b.NextOffset()
	}
	if ru.next <= at {
		return run{first: at, next: at}, nil
	}
	ru.batches = got.RecordBatches[:end:end]
	if end <= copyBytes {
		ru.batches = bytes.Clone(ru.batches)
	}
	for _, a := range got.AbortedTransactions {
		ru.aborted = append(ru.aborted, Aborted{ProducerID: a.ProducerID, FirstOffset: a.FirstOffset})
	}
	slices.SortFunc(ru.aborted, func(a, b Aborted) int {
		switch {
		case a.FirstOffset < b.FirstOffset:
			return -1
		case a.FirstOffset > b.FirstOffset:
			return 1
		}
		return 0
	})
	return ru, nil
}

// route finds leaders of partitions that have none, until the client is closed.
func (f *feeds) route() {
	ctx := f.r.life
	for {
		select {
		case <-f.resolve:
		case <-ctx.Done():
			return
		}
		topics := f.leaderless()
		if len(topics) == 0 {
			continue
		}
		asking, cancel := context.WithTimeout(ctx, routeTimeout)
		resp, err := f.r.metadataOnce(asking, topics)
		cancel()
		rest := soonPause
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			f.away(err)
			rest = slowPause
		default:
			f.away(nil)
			f.routed(resp)
		}
		if len(f.leaderless()) > 0 {
			notify(f.resolve)
			rest = max(rest, retryPause)
		}
		pause(ctx, rest)
	}
}

// leaderless lists the topics of partitions without a leader.
func (f *feeds) leaderless() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var topics []string
	for tp, p := range f.parts {
		if p.leader == noLeader && !p.gone && !slices.Contains(topics, tp.Topic) {
			topics = append(topics, tp.Topic)
		}
	}
	return topics
}

// routed gives partitions the leaders an answer names, and ends those that were deleted.
func (f *feeds) routed(resp *kmsg.MetadataResponse) {
	var call []*watcher
	for i := range resp.Topics {
		t := &resp.Topics[i]
		if t.Topic == nil {
			continue
		}
		f.r.learn(t)
		name, _ := f.r.names.in(*t.Topic)
		f.mu.Lock()
		for tp, p := range f.parts {
			if tp.Topic != name || p.leader != noLeader || p.gone {
				continue
			}
			leader, _, exists := f.r.routes.leader(tp)
			deleted := t.ErrorCode == kerr.UnknownTopicOrPartition.Code || t.ErrorCode == 0 && !exists
			if deleted {
				p.unknown++
			}
			switch {
			case deleted && p.unknown >= unknownTimes:
				p.gone = true
				call = append(call, f.tellLocked(p)...)
			case leader != noLeader:
				p.leader = leader
				f.hurry(p)
			}
		}
		f.mu.Unlock()
	}
	for _, w := range call {
		w.tell()
	}
}

// fetchOnce asks the leader of a partition that nobody watches.
func (r *Remote) fetchOnce(ctx context.Context, tp TopicPartition, offset int64, maxBytes int, iso Isolation) (Fetched, error) {
	var (
		out    Fetched
		damage error
	)
	err := r.onLeader(ctx, tp, func(ctx context.Context, b *kgo.Broker) (int16, error) {
		req := kmsg.NewPtrFetchRequest()
		req.ReplicaID, req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel = -1, 0, 0, answerBytes, int8(iso)
		addPartition(req, r.names.out(tp.Topic), tp.Partition, offset, int32(min(max(maxBytes, 1), answerBytes)))
		resp, err := answerOf[*kmsg.FetchResponse](b.Request(ctx, req))
		if err != nil {
			return 0, err
		}
		if resp.ErrorCode != 0 {
			return resp.ErrorCode, nil
		}
		if len(resp.Topics) != 1 || len(resp.Topics[0].Partitions) != 1 {
			return 0, errShortAnswer
		}
		got := &resp.Topics[0].Partitions[0]
		if got.ErrorCode != 0 {
			return got.ErrorCode, nil
		}
		ru, err := newRun(offset, got)
		damage = err
		out = Fetched{
			Batches: ru.batches, Aborted: ru.aborted,
			Offsets: Offsets{Start: got.LogStartOffset, LastStable: got.LastStableOffset, HighWatermark: got.HighWatermark},
		}
		if len(ru.batches) > 0 {
			out.Release = nothing
		}
		return 0, nil
	})
	if err = cmp.Or(err, damage); err != nil {
		return Fetched{}, fmt.Errorf("fetch at %d: %w", offset, err)
	}
	return out, nil
}
