package broker

import (
	"cmp"
	"math"
	"time"

	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
)

// groupOptions are the group coordinator's options: those this process was started with, then the broker configs.
func groupOptions(own group.Options, c metadata.NodeConfigs) group.Options {
	delay := c.Millis(metadata.ConfigGroupRebalanceDelayMs)
	if delay == 0 {
		delay = -1 // none; 0 would stand for the default
	}
	own.InitialRebalanceDelay = cmp.Or(own.InitialRebalanceDelay, delay)
	own.SessionTimeoutMin = cmp.Or(own.SessionTimeoutMin, c.Millis(metadata.ConfigGroupSessionMsMin))
	own.SessionTimeoutMax = cmp.Or(own.SessionTimeoutMax, c.Millis(metadata.ConfigGroupSessionMsMax))
	own.MembersMax = cmp.Or(own.MembersMax, membersMax(c.Int(metadata.ConfigGroupMax)))
	own.OffsetMetadataMax = cmp.Or(own.OffsetMetadataMax, int(c.Int(metadata.ConfigOffsetMetadataMax)))
	own.HeartbeatInterval = cmp.Or(own.HeartbeatInterval, c.Millis(metadata.ConfigConsumerHeartbeatMs))
	own.SessionTimeout = cmp.Or(own.SessionTimeout, c.Millis(metadata.ConfigConsumerSessionMs))
	own.ConsumersMax = cmp.Or(own.ConsumersMax, membersMax(c.Int(metadata.ConfigConsumerGroupMax)))
	own.Migration = cmp.Or(own.Migration, c.Text(metadata.ConfigConsumerMigration))
	if own.Assignors == nil {
		own.Assignors = metadata.SplitList(c.Text(metadata.ConfigConsumerAssignors))
	}
	if minutes := c.Int(metadata.ConfigOffsetsRetentionMinutes); own.OffsetsRetention == 0 && minutes > 0 {
		own.OffsetsRetention = time.Duration(minutes) * time.Minute
	}
	return own
}

// membersMax is a group's bound, 0 for the coordinator's own where the config, by default, sets none.
func membersMax(n int64) int {
	if n == math.MaxInt32 {
		return 0
	}
	return int(n)
}
