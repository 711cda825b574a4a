package handler

import (
	"github.com/freshetdb/freshet/broker/coordinator"
	"github.com/freshetdb/freshet/broker/group"
	"github.com/freshetdb/freshet/broker/metadata"
	"github.com/freshetdb/freshet/broker/txn"
	"github.com/freshetdb/freshet/broker/wire"
)

// Coordinators are the group and transaction coordinators handlers call. Without them their APIs are not served.
type Coordinators struct {
	Groups       *group.Coordinator
	Transactions *txn.Coordinator
}

// API keys of the coordinators.
const (
	keyOffsetCommit         = 8
	keyOffsetFetch          = 9
	keyFindCoordinator      = 10
	keyJoinGroup            = 11
	keyHeartbeat            = 12
	keyLeaveGroup           = 13
	keySyncGroup            = 14
	keyDescribeGroups       = 15
	keyListGroups           = 16
	keyInitProducerID       = 22
	keyAddPartitionsToTxn   = 24
	keyAddOffsetsToTxn      = 25
	keyEndTxn               = 26
	keyTxnOffsetCommit      = 28
	keyDeleteGroups         = 42
	keyOffsetDelete         = 47
	keyDescribeProducers    = 61
	keyDescribeTransactions = 65
	keyListTransactions     = 66
)

// coordinatorAPIs are the rows of the version table the coordinators serve. Those of transactions end below the versions
// that mean transactions v2 (KIP-890), and AddPartitionsToTxn below the one only brokers speak.
func (h *Handler) coordinatorAPIs() []wire.API {
	if h.Groups == nil || h.Transactions == nil {
		return nil
	}
	return []wire.API{
		{Key: keyOffsetCommit, Min: 2, Max: 10, AdvertisedMin: 2, Serve: h.offsetCommit},
		{Key: keyOffsetFetch, Min: 1, Max: 10, AdvertisedMin: 1, Serve: h.offsetFetch},
		{Key: keyFindCoordinator, Min: 0, Max: 6, Serve: h.findCoordinator},
		{Key: keyJoinGroup, Min: 0, Max: 9, Serve: h.joinGroup},
		{Key: keyHeartbeat, Min: 0, Max: 4, Serve: h.heartbeat},
		{Key: keyLeaveGroup, Min: 0, Max: 5, Serve: h.leaveGroup},
		{Key: keySyncGroup, Min: 0, Max: 5, Serve: h.syncGroup},
		{Key: keyDescribeGroups, Min: 0, Max: 6, Serve: h.describeGroups},
		{Key: keyListGroups, Min: 0, Max: 5, Serve: h.listGroups},
		{Key: keyInitProducerID, Min: 0, Max: 4, Serve: h.initProducerID},
		{Key: keyAddPartitionsToTxn, Min: 0, Max: 3, Serve: h.addPartitionsToTxn},
		{Key: keyAddOffsetsToTxn, Min: 0, Max: 4, Serve: h.addOffsetsToTxn},
		{Key: keyEndTxn, Min: 0, Max: 4, Serve: h.endTxn},
		{Key: keyTxnOffsetCommit, Min: 0, Max: 4, Serve: h.txnOffsetCommit},
		{Key: keyDeleteGroups, Min: 0, Max: 2, Serve: h.deleteGroups},
		{Key: keyOffsetDelete, Min: 0, Max: 0, Serve: h.offsetDelete},
		{Key: keyDescribeProducers, Min: 0, Max: 0, Serve: h.describeProducers},
		{Key: keyDescribeTransactions, Min: 0, Max: 0, Serve: h.describeTransactions},
		{Key: keyListTransactions, Min: 0, Max: 2, Serve: h.listTransactions},
	}
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
