package log

import (
	"sync"
	"time"
)

const (
	drainBatchesMax = 256     // batches an appender writes in one go
	drainBytesMax   = 4 << 20 // bytes, likewise
)

// Submission is a batch handed to Submit. The log keeps it until it calls Done, once, from any goroutine, after the write
// (not the sync); Done must not block, and may reuse the submission.
type Submission struct {
	Entry
	LeaderEpoch int32
	Done        func(*Submission)

	next *Submission
}

// queue is the list of batches that wait for the appender.
type queue struct {
	mu sync.Mutex
	// guards:
	head, tail *Submission
	busy       bool // an appender is at work

	drained []*Submission // the appender's
	entries []*Entry
}

// Submit queues a batch. The goroutine that finds nobody at work becomes the appender: it writes what has gathered, one
// write for all, until nothing is left; the others return at once. now is the appender's clock.
func (l *Log) Submit(s *Submission, now func() time.Time) {
	q := &l.queue
	q.mu.Lock()
	s.next = nil
	if q.tail == nil {
		q.head = s
	} else {
		q.tail.next = s
	}
	q.tail = s
	if q.busy {
		q.mu.Unlock()
		return
	}
	q.busy = true
	q.mu.Unlock()
	for q.drain() {
		l.appendDrained(now())
	}
}

// drain takes a group of one leader epoch off the list; false ends the appender's work.
func (q *queue) drain() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	clear(q.drained)
	clear(q.entries)
	q.drained, q.entries = q.drained[:0], q.entries[:0]
	size := 0
	for s := q.head; s != nil && len(q.drained) < drainBatchesMax; s = q.head {
		size += len(s.Batch)
		if n := len(q.drained); n > 0 && (size > drainBytesMax || q.drained[n-1].LeaderEpoch != s.LeaderEpoch) {
			break
		}
		q.drained = append(q.drained, s)
		q.entries = append(q.entries, &s.Entry)
		q.head = s.next
	}
	if q.head == nil {
		q.tail = nil
	}
	q.busy = len(q.drained) > 0
	return q.busy
}

// appendDrained writes the drained group and tells everybody.
func (l *Log) appendDrained(now time.Time) {
	l.appendMu.Lock()
	_ = l.appendGroup(l.queue.entries, l.queue.drained[0].LeaderEpoch, now) // every entry has its Err
	l.appendMu.Unlock()
	for _, s := range l.queue.drained {
		s.Done(s)
	}
}
