package handler

import "github.com/freshetdb/freshet/broker/wire"

// API keys of the files of this package.
const (
	keyProduce                 = 0
	keyFetch                   = 1
	keyListOffsets             = 2
	keyMetadata                = 3
	keyAPIVersions             = 18
	keyCreateTopics            = 19
	keyDeleteTopics            = 20
	keyDeleteRecords           = 21
	keyOffsetForLeaderEpoch    = 23
	keyDescribeConfigs         = 32
	keyAlterConfigs            = 33
	keyDescribeLogDirs         = 35
	keyCreatePartitions        = 37
	keyElectLeaders            = 43
	keyIncrementalAlterConfigs = 44
	keyAlterReassignments      = 45
	keyListReassignments       = 46
	keyDescribeClientQuotas    = 48
	keyDescribeQuorum          = 55
	keyDescribeCluster         = 60
	keyListConfigResources     = 74
	keyDescribeTopicPartitions = 75
)

// produceMinAdvertised is shown as the lowest Produce version though 3 is the lowest served: librdkafka looks for it to tell whether
// the broker knows compression (KAFKA-18659).
const produceMinAdvertised = 0

// apis are the rows of the version table this package's own files serve.
func (h *Handler) apis() []wire.API {
	return []wire.API{
		{Key: keyProduce, Min: 3, Max: 13, AdvertisedMin: produceMinAdvertised, Serve: h.produce},
		{Key: keyFetch, Min: 4, Max: 18, AdvertisedMin: 4, Serve: h.fetch},
		{Key: keyListOffsets, Min: 1, Max: 11, AdvertisedMin: 1, Serve: h.listOffsets},
		{Key: keyMetadata, Min: 0, Max: 13, Serve: h.metadata},
		{Key: keyAPIVersions, Min: 0, Max: 4, Serve: h.apiVersions},
		{Key: keyCreateTopics, Min: 2, Max: 7, AdvertisedMin: 2, Serve: h.createTopics},
		{Key: keyDeleteTopics, Min: 1, Max: 6, AdvertisedMin: 1, Serve: h.deleteTopics},
		{Key: keyDeleteRecords, Min: 0, Max: 2, Serve: h.deleteRecords},
		{Key: keyOffsetForLeaderEpoch, Min: 2, Max: 4, AdvertisedMin: 2, Serve: h.offsetForLeaderEpoch},
		{Key: keyDescribeConfigs, Min: 1, Max: 4, AdvertisedMin: 1, Serve: h.describeConfigs},
		{Key: keyAlterConfigs, Min: 0, Max: 2, Serve: h.alterConfigs},
		{Key: keyDescribeLogDirs, Min: 1, Max: 5, AdvertisedMin: 1, Serve: h.describeLogDirs},
		{Key: keyCreatePartitions, Min: 0, Max: 3, Serve: h.createPartitions},
		{Key: keyElectLeaders, Min: 0, Max: 2, Serve: h.electLeaders},
		{Key: keyIncrementalAlterConfigs, Min: 0, Max: 1, Serve: h.incrementalAlterConfigs},
		{Key: keyAlterReassignments, Min: 0, Max: 1, Serve: h.alterPartitionReassignments},
		{Key: keyListReassignments, Min: 0, Max: 0, Serve: h.listPartitionReassignments},
		{Key: keyDescribeClientQuotas, Min: 0, Max: 1, Serve: h.describeClientQuotas},
		{Key: keyDescribeQuorum, Min: 0, Max: 2, Serve: h.describeQuorum},
		{Key: keyDescribeCluster, Min: 0, Max: 2, Serve: h.describeCluster},
		{Key: keyListConfigResources, Min: 0, Max: 1, Serve: h.listConfigResources},
		{Key: keyDescribeTopicPartitions, Min: 0, Max: 0, Serve: h.describeTopicPartitions},
	}
}
