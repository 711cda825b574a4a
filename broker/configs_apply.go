package broker

import (
	"cmp"
	"math"
	"time"

	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/quota"
	"github.com/freshetdb/freshet/broker/replica"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// wireOptions are the listener's limits: those of the options, then of the configs.
func (b *Broker) wireOptions() wire.Options {
	out, c := b.opts.Wire, b.configs(b.quorum.Image())
	if out.RequestBytesMax == 0 {
		out.RequestBytesMax = int(c.Int(metadata.ConfigRequestBytesMax))
	}
	if out.IdleTimeout == 0 {
		out.IdleTimeout = c.Millis(metadata.ConfigIdleMs)
	}
	out.AuthFailDelay = cmp.Or(out.AuthFailDelay, max(c.Millis(metadata.ConfigAuthFailDelayMs), 1)) // 0 would stand for the default
	out.AuthBytesMax = cmp.Or(out.AuthBytesMax, int(c.Int(metadata.ConfigAuthBytesMax)))
	out.MemoryMax = cmp.Or(out.MemoryMax, c.Int(metadata.ConfigRequestMemory))
	out.Limiter = b.quotas
	return out
}

// diskUsage gives the bytes of the log's volume, and those left for it.
func (b *Broker) diskUsage() (total, usable int64, err error) {
	u, err := b.opts.FS.GetDiskUsage(b.topicsDir)
	return int64(u.TotalBytes), int64(u.AvailBytes), err
}

// applyConfigs hands changed broker configs to the parts that follow them while they run.
func (b *Broker) applyConfigs(img *metadata.Image, delta *metadata.Delta) {
	if !delta.BrokerConfigs {
		return
	}
	c := b.configs(img)
	b.quotas.SetSettings(quotaSettings(c))
	b.listener.SetConnLimits(connLimits(c))
	b.replicas.SetCleaner(cleanerOptions(c))
	b.parts.groups.SetOptions(groupOptions(b.opts.Coordinators.Groups, c))
	b.parts.txns.SetOptions(txnOptions(b.opts.Coordinators.Transactions, c))
}

func cleanerOptions(c metadata.NodeConfigs) replica.CleanerOptions {
	return replica.CleanerOptions{
		MapBytes:       int(c.Int(metadata.ConfigCleanerDedupeBytes)),
		BytesPerSecond: c.Float(metadata.ConfigCleanerBytesPerSecond),
		Interval:       c.Millis(metadata.ConfigCleanerBackoffMs),
	}
}

// txnOptions are the transaction coordinator's options: those of the program that embeds the broker, then of the configs.
func txnOptions(wanted txn.Options, c metadata.NodeConfigs) txn.Options {
	wanted.TimeoutMax = cmp.Or(wanted.TimeoutMax, c.Millis(metadata.ConfigTransactionMsMax))
	wanted.IDExpiration = cmp.Or(wanted.IDExpiration, c.Millis(metadata.ConfigTransactionalIDExpiryMs))
	wanted.ExpireInterval = cmp.Or(wanted.ExpireInterval, c.Millis(metadata.ConfigTransactionalIDCheckMs))
	wanted.AbortInterval = cmp.Or(wanted.AbortInterval, c.Millis(metadata.ConfigTransactionAbortMs))
	return wanted
}

func quotaSettings(c metadata.NodeConfigs) quota.Settings {
	s := quota.Settings{
		Windows:   quota.Windows{Count: int(c.Int(metadata.ConfigQuotaWindows)), Size: seconds(c.Int(metadata.ConfigQuotaSeconds))},
		Mutations: quota.Windows{Count: int(c.Int(metadata.ConfigControllerQuotaWindows)), Size: seconds(c.Int(metadata.ConfigControllerQuotaSeconds))},
	}
	if rate := c.Int(metadata.ConfigConnectionRate); rate < math.MaxInt32 {
		s.Connections = float64(rate)
	}
	return s
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }

func connLimits(c metadata.NodeConfigs) wire.ConnLimits {
	limits := wire.ConnLimits{
		Overrides: wire.ParseOverrides(metadata.SplitList(c.Text(metadata.ConfigConnectionsPerIPOver))),
	}
	if most := c.Int(metadata.ConfigConnectionsMax); most < math.MaxInt32 {
		limits.Max = int(most)
	}
	if most := c.Int(metadata.ConfigConnectionsPerIP); most < math.MaxInt32 {
		limits.PerIP = max(int(most), 1)
	}
	return limits
}
