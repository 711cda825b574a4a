package replica

import (
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/storage/log"
)

// logConfig is the part of a topic's configuration its logs need.
func logConfig(c metadata.TopicConfig) log.Config {
	out := log.DefaultConfig()
	out.SegmentBytes = c.SegmentBytes
	out.SegmentAge = c.SegmentAge
	out.IndexInterval = c.IndexIntervalBytes
	out.MessageBytesMax = c.MessageBytesMax
	out.TimestampAfterMax = c.TimestampAfterMax
	if c.LogAppendTime {
		out.Timestamps = log.LogAppendTime
	}
	out.RetentionAge, out.RetentionBytes = c.Retention, c.RetentionBytes
	out.Compact = c.Compact
	out.MinCompactionLag, out.MaxCompactionLag = c.MinCompactionLag, c.MaxCompactionLag
	out.MinDirtyRatio, out.DeleteRetention = c.MinDirtyRatio, c.DeleteRetention
	out.SegmentJitter, out.FileDeleteDelay, out.Preallocate = c.SegmentJitter, c.FileDeleteDelay, c.Preallocate
	if !c.Delete {
		// A compacted topic keeps the newest record of every key, which only the cleaner can tell.
		out.RetentionAge, out.RetentionBytes = -1, -1
	}
	return out
}

func (m *Manager) logOptions(p *Partition) log.Options {
	return log.Options{
		FS: m.opts.FS, Syncer: m.syncer, Buffers: m.buffers, Files: m.files, Logger: m.log,
		Config: p.state.Load().logConfig(), TopicID: p.id, Lazy: true, Clean: m.opts.Clean, Synced: m.synced, OnSynced: p.onSynced,
	}
}
