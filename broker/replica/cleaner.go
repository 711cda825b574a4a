package replica

import (
	"context"
	"errors"
	"time"

	"github.com/freshetdb/freshet/storage/log"
)

// CleanerOptions bound what compaction may take.
type CleanerOptions struct {
	// MapBytes is the most memory that the keys of one cleaning take (log.cleaner.dedupe.buffer.size); 0 means 128 MiB.
	MapBytes int
	// BytesPerSecond bounds what it reads and writes (log.cleaner.io.max.bytes.per.second); 0 means no limit.
	BytesPerSecond float64
	// Interval is the time between two looks for logs to clean (log.cleaner.backoff.ms); 0 means 15 seconds.
	Interval time.Duration
}

const (
	defaultCleanerInterval = 15 * time.Second
	// cleanRetry is how long a log that could not be cleaned is left alone.
	cleanRetry = 10 * time.Minute
	// paceSleepMin is the shortest wait worth a timer.
	paceSleepMin = 10 * time.Millisecond
)

// SetCleaner changes what compaction may take, from the next log on, and when it next looks for one.
func (m *Manager) SetCleaner(opts CleanerOptions) {
	if opts.Interval <= 0 {
		opts.Interval = defaultCleanerInterval
	}
	if before := m.cleaner.Swap(&opts); before == nil || before.Interval == opts.Interval {
		return
	}
	select {
	case m.wakeCleaner <- struct{}{}:
	default:
	}
}

// clean compacts, one log after another, the dirtiest first, until ctx ends.
func (m *Manager) clean(ctx context.Context) error {
	timer := time.NewTimer(m.cleaner.Load().Interval)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-m.wakeCleaner:
		case <-timer.C:
			m.cleanDirty(ctx)
		}
		timer.Reset(m.cleaner.Load().Interval)
	}
}

// cleanDirty cleans what is due now.
func (m *Manager) cleanDirty(ctx context.Context) {
	p := pacer{last: time.Now()}
	done := map[*Partition]bool{}
	for ctx.Err() == nil {
		dirtiest := m.dirtiest(done)
		if dirtiest == nil {
			return
		}
		if full := m.cleanOne(ctx, dirtiest, &p); !full {
			done[dirtiest] = true
		}
	}
}

// dirtiest finds the log to clean next: one that is overdue by max.compaction.lag.ms, else the one with the largest dirty share of those
// with enough. Source: Kafka, LogCleanerManager.grabFilthiestCompactedLog.
func (m *Manager) dirtiest(done map[*Partition]bool) *Partition {
	var best *Partition
	var bestRatio float64
	var bestOverdue bool
	now := m.now()
	for _, p := range m.Partitions() {
		l := p.log.Load()
		if l == nil || done[p] || !p.state.Load().config.Compact || now.UnixNano() < p.cleanAfter.Load() {
			continue
		}
		d, err := l.Dirt(now, p.highWatermark.Load())
		if err != nil || d.DirtyBytes == 0 {
			continue
		}
		ratio := d.Ratio()
		if !d.Overdue && ratio < l.Config().MinDirtyRatio {
			continue
		}
		if best == nil || d.Overdue && !bestOverdue || d.Overdue == bestOverdue && ratio > bestRatio {
			best, bestRatio, bestOverdue = p, ratio, d.Overdue
		}
	}
	return best
}

// cleanOne cleans a partition's log; full tells that there is more to clean at once.
func (m *Manager) cleanOne(ctx context.Context, p *Partition, pace *pacer) (full bool) {
	l := p.log.Load()
	if l == nil {
		return false
	}
	began, opts := time.Now(), m.cleaner.Load()
	pace.perSecond = opts.BytesPerSecond
	stats, err := l.Clean(ctx, log.CleanOptions{
		Now: m.now(), HighWatermark: p.highWatermark.Load(), MapBytes: opts.MapBytes, Throttle: pace.wait,
	})
	switch {
	case errors.Is(err, log.ErrClosed) || ctx.Err() != nil:
		return false
	case err != nil:
		p.cleanAfter.Store(m.now().Add(cleanRetry).UnixNano())
		m.metrics.cleaningsFailed.Inc()
		m.log.Error("compaction failed", "topic", p.topic, "partition", p.index, "retry_after", cleanRetry, "err", err)
		return false
	}
	m.metrics.cleanings.Inc()
	m.metrics.cleanedRead.Add(float64(stats.BytesRead))
	m.metrics.cleanedWritten.Add(float64(stats.BytesWritten))
	m.log.Debug("partition compacted", "topic", p.topic, "partition", p.index, "up_to", stats.FirstDirtyNow,
		"records", stats.RecordsRead, "kept", stats.RecordsKept, "bytes_read", stats.BytesRead, "bytes_written", stats.BytesWritten,
		"took_ms", time.Since(began).Milliseconds())
	if stats.BatchesUnreadable > 0 {
		m.log.Warn("batches that can't be read are kept by compaction", "topic", p.topic, "partition", p.index, "batches", stats.BatchesUnreadable)
	}
	return stats.Full && stats.FirstDirtyNow > stats.FirstDirtyBefore
}

// pacer slows down to a rate.
type pacer struct {
	perSecond float64
	owed      time.Duration
	last      time.Time
}

// wait notes n bytes and sleeps when they came too fast; it ends early with ctx's error.
func (p *pacer) wait(ctx context.Context, n int) error {
	if p.perSecond <= 0 {
		return ctx.Err()
	}
	now := time.Now()
	p.owed = max(p.owed-now.Sub(p.last), 0) + time.Duration(float64(n)/p.perSecond*float64(time.Second))
	p.last = now
	if p.owed < paceSleepMin {
		return ctx.Err()
	}
	timer := time.NewTimer(p.owed)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
