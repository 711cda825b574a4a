package handler

import "github.com/freshetdb/freshet/broker/wire"

// API keys of consumer groups.
const (
	keyOffsetCommit    = 8
	keyOffsetFetch     = 9
	keyFindCoordinator = 10
	keyJoinGroup       = 11
	keyHeartbeat       = 12
	keyLeaveGroup      = 13
	keySyncGroup       = 14
	keyDescribeGroups  = 15
	keyListGroups      = 16
	keyDeleteGroups    = 42
	keyOffsetDelete    = 47
	keyGroupHeartbeat  = 68
	keyGroupDescribe   = 69
)

// groupAPIs are the rows of the version table the group coordinator serves.
func (h *Handler) groupAPIs() []wire.API {
	if h.Groups == nil {
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
		{Key: keyDeleteGroups, Min: 0, Max: 2, Serve: h.deleteGroups},
		{Key: keyOffsetDelete, Min: 0, Max: 0, Serve: h.offsetDelete},
		{Key: keyGroupHeartbeat, Min: 0, Max: 1, Serve: h.consumerGroupHeartbeat},
		{Key: keyGroupDescribe, Min: 0, Max: 1, Serve: h.consumerGroupDescribe},
	}
}
