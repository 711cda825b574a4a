package handler

import (
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/txn"
)

// Coordinators are the group and transaction coordinators handlers call. Without them their APIs are not served.
type Coordinators struct {
	Groups       *group.Coordinator
	Transactions *txn.Coordinator
}

// deref gives the string behind a nullable one, "" for null.
func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// orNull gives a nullable string, null for "".
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// hasPartition tells the code for a partition that positions or transactions name.
func hasPartition(t *metadata.Topic, partition int32) coordinator.Code {
	if t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return coordinator.UnknownTopicPartition
	}
	return coordinator.OK
}
