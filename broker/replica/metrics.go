package replica

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the figures of a node's partitions.
type metrics struct {
	appendedBatches prometheus.Counter
	appendedBytes   prometheus.Counter
	refused         prometheus.Counter
	fetchedBytes    prometheus.Counter
	parkedFetches   prometheus.Gauge
	deletedSegments prometheus.Counter
	offline         prometheus.Gauge
	cleanings       prometheus.Counter
	cleaningsFailed prometheus.Counter
	cleanedRead     prometheus.Counter
	cleanedWritten  prometheus.Counter
	syncSeconds     prometheus.Histogram
}

// The buckets of freshet_log_sync_seconds: from a virtual disk's 50 µs up to a stalled one's seconds, close enough for percentiles.
const (
	syncBucketFirst  = 50e-6
	syncBucketFactor = 1.4
	syncBuckets      = 32
)

func newMetrics(reg prometheus.Registerer, m *Manager) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "freshet", Subsystem: "log", Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "freshet", Subsystem: "log", Name: name, Help: help})
	}
	out := &metrics{
		appendedBatches: counter("appended_batches_total", "Record batches written."),
		appendedBytes:   counter("appended_bytes_total", "Bytes of record batches written."),
		refused:         counter("refused_batches_total", "Record batches refused."),
		fetchedBytes:    counter("fetched_bytes_total", "Bytes of record batches read."),
		parkedFetches:   gauge("parked_fetches", "Fetches waiting for data."),
		deletedSegments: counter("deleted_segments_total", "Segments deleted by retention."),
		offline:         gauge("offline_partitions", "Partitions whose log could not be opened."),
	}
	out.cleanings = counter("compactions_total", "Compactions of a partition.")
	out.cleaningsFailed = counter("failed_compactions_total", "Compactions that ended in an error.")
	out.cleanedRead = counter("compaction_read_bytes_total", "Bytes of record batches read by compaction.")
	out.cleanedWritten = counter("compaction_written_bytes_total", "Bytes of record batches written by compaction.")
	out.syncSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "freshet", Subsystem: "log", Name: "sync_seconds",
		Help:    "Time a round of syncs takes: what acks=all waits for at least.",
		Buckets: prometheus.ExponentialBuckets(syncBucketFirst, syncBucketFactor, syncBuckets),
	})
	m.syncer.OnRound(func(took time.Duration) { out.syncSeconds.Observe(took.Seconds()) })
	if reg == nil {
		return out
	}
	partitions := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "freshet", Subsystem: "log", Name: "partitions", Help: "Partitions of this node.",
	}, func() float64 {
		m.mu.RLock()
		defer m.mu.RUnlock()
		return float64(len(m.partitions))
	})
	openFiles := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "freshet", Subsystem: "log", Name: "open_files", Help: "Segment files that are open.",
	}, func() float64 { return float64(m.files.Count()) })
	openFilesMax := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "freshet", Subsystem: "log", Name: "open_files_max", Help: "Segment files that may be open: half of RLIMIT_NOFILE.",
	}, func() float64 { return float64(m.files.Limit()) })
	reg.MustRegister(openFiles, openFilesMax)
	reg.MustRegister(out.appendedBatches, out.appendedBytes, out.refused, out.fetchedBytes, out.parkedFetches,
		out.deletedSegments, out.offline, out.cleanings, out.cleaningsFailed, out.cleanedRead, out.cleanedWritten, out.syncSeconds, partitions)
	return out
}
