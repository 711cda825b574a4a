package task

import (
	"math"
	"time"

	"github.com/freshetdb/freshet/executor/operator"
)

// noTime is the event time of a partition that has shown none.
const noTime = math.MinInt64

// eventClock follows event time over a task's partitions.
//
// The watermark is the minimum, over active partitions, of the largest event time seen. A partition is idle only when it was
// read to its end and has been silent for idleTimeout: unread backfill is never idle. When all are idle the watermark follows the wall
// clock from the largest event time, so that the last windows close. It never goes back.
type eventClock struct {
	idleTimeout time.Duration
	parts       []partitionTime
	watermark   int64
}

type partitionTime struct {
	maxMS    int64
	lastSeen time.Time // wall clock of the last record
	drained  bool
}

func newEventClock(partitions int, idleTimeout time.Duration, watermark int64, now time.Time) *eventClock {
	c := &eventClock{idleTimeout: idleTimeout, parts: make([]partitionTime, partitions), watermark: watermark}
	for i := range c.parts {
		c.parts[i] = partitionTime{maxMS: noTime, lastSeen: now}
	}
	return c
}

// saw notes that a partition delivered rows with event times up to maxMS.
func (c *eventClock) saw(part int, maxMS int64, now time.Time) {
	p := &c.parts[part]
	p.maxMS = max(p.maxMS, maxMS)
	p.lastSeen, p.drained = now, false
}

// atEnd notes that a partition has nothing unread.
func (c *eventClock) atEnd(part int) { c.parts[part].drained = true }

// idle tells whether a partition holds nobody back.
func (c *eventClock) idle(part int, now time.Time) bool {
	p := &c.parts[part]
	return p.drained && now.Sub(p.lastSeen) >= c.idleTimeout
}

// stream is how far event time is before a chunk of a partition: lateness is judged by it.
func (c *eventClock) stream(part int, now time.Time) operator.StreamTime {
	t := operator.StreamTime{Own: c.parts[part].maxMS, Others: math.MaxInt64}
	for i := range c.parts {
		if i != part && !c.idle(i, now) {
			t.Others = min(t.Others, c.parts[i].maxMS)
		}
	}
	return t
}

// advance computes the watermark as of now and tells whether it moved.
func (c *eventClock) advance(now time.Time) (int64, bool) {
	lowest, largest := int64(math.MaxInt64), int64(noTime)
	var latest time.Time
	for i := range c.parts {
		p := &c.parts[i]
		largest = max(largest, p.maxMS)
		if p.lastSeen.After(latest) {
			latest = p.lastSeen
		}
		if c.idle(i, now) {
			continue
		}
		lowest = min(lowest, p.maxMS)
	}
	if largest == noTime {
		return c.watermark, false
	}
	if lowest == math.MaxInt64 { // all idle
		lowest = largest + now.Sub(latest).Milliseconds() - c.idleTimeout.Milliseconds()
	}
	if lowest <= c.watermark {
		return c.watermark, false
	}
	c.watermark = lowest
	return lowest, true
}
