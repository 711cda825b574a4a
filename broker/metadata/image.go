package metadata

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

// NoLeader is the Leader of a partition nobody leads.
const NoLeader int32 = -1

// Partition is a partition's agreed state. Its slices belong to the image and must not be changed.
type Partition struct {
	// Replicas are the brokers that shall hold the partition, the preferred leader first.
	Replicas []int32
	// ISR are the replicas in sync with the leader.
	ISR []int32
	// Leader is a broker of ISR or NoLeader.
	Leader int32
	// LeaderEpoch grows with every change of leader.
	LeaderEpoch int32
	// PartitionEpoch grows with every change of the partition.
	PartitionEpoch int32
}

// Topic is a topic's agreed state, immutable.
type Topic struct {
	ID         UUID
	Name       string
	Partitions []Partition
	// Configs are the ones set on the topic itself; TopicConfig adds defaults.
	Configs map[string]string
}

// Internal tells whether the topic belongs to the broker's own coordinators; clients may read but not write it.
func (t *Topic) Internal() bool { return IsInternal(t.Name) }

// Names of the broker's own topics.
const (
	OffsetsTopic      = "__consumer_offsets"
	TransactionsTopic = "__transaction_state"
)

// ClusterTopic is the name that the metadata quorum has where it is asked about; no topic may have it.
const ClusterTopic = "__cluster_metadata"

// IsInternal tells whether name is one of the broker's own topics.
func IsInternal(name string) bool { return name == OffsetsTopic || name == TransactionsTopic }

// Broker is a broker's registration, immutable.
type Broker struct {
	ID          int32
	Epoch       int64
	Incarnation UUID
	Endpoints   []Endpoint
	Rack        string
	Fenced      bool
}

// Image is everything agreed up to Version. It never changes, so readers need no lock; the zero Image is an empty cluster.
type Image struct {
	version     uint64
	clusterID   string
	topics      shardMap[UUID, *Topic]
	names       shardMap[string, *Topic]
	brokers     map[int32]*Broker
	configs     map[Resource]map[string]string
	features    map[string]int16
	producerIDs int64
	partitions  int
	acls        shardMap[UUID, ACL]
	aclVersion  uint64
	scrams      map[ScramKey]ScramCredential
	quotas      map[QuotaEntity]map[string]float64
}

// Version is the position in the agreed log of the last change this image holds.
func (img *Image) Version() uint64 { return img.version }

// ClusterID is the cluster's name, "" before the first record.
func (img *Image) ClusterID() string { return img.clusterID }

// Topic finds a topic by name, or nil.
func (img *Image) Topic(name string) *Topic {
	t, _ := img.names.get(shardOfName(name), name)
	return t
}

// TopicByID finds a topic by id, or nil.
func (img *Image) TopicByID(id UUID) *Topic {
	t, _ := img.topics.get(shardOfID(id), id)
	return t
}

// Topics walks all topics in no particular order.
func (img *Image) Topics() iter.Seq[*Topic] {
	return func(yield func(*Topic) bool) {
		for _, t := range img.topics.all() {
			if !yield(t) {
				return
			}
		}
	}
}

// SortedTopics lists all topics by name, in a new slice.
func (img *Image) SortedTopics() []*Topic {
	return slices.SortedFunc(img.Topics(), func(a, b *Topic) int { return cmp.Compare(a.Name, b.Name) })
}

// TopicCount is the number of topics.
func (img *Image) TopicCount() int { return img.topics.length }

// PartitionCount is the number of partitions of all topics.
func (img *Image) PartitionCount() int { return img.partitions }

// Partition finds a partition by topic name and index.
func (img *Image) Partition(topic string, index int32) (Partition, bool) {
	t := img.Topic(topic)
	if t == nil || index < 0 || int(index) >= len(t.Partitions) {
		return Partition{}, false
	}
	return t.Partitions[index], true
}

// Broker finds a broker by id, or nil.
func (img *Image) Broker(id int32) *Broker { return img.brokers[id] }

// Brokers lists all brokers by id, in a new slice.
func (img *Image) Brokers() []*Broker {
	return slices.SortedFunc(maps.Values(img.brokers), func(a, b *Broker) int { return cmp.Compare(a.ID, b.ID) })
}

// Configs are the configs set on a resource itself, without defaults; not to be changed. nil when there are none.
func (img *Image) Configs(r Resource) map[string]string {
	if r.Type == ResourceTopic {
		if t := img.Topic(r.Name); t != nil {
			return t.Configs
		}
		return nil
	}
	return img.configs[r]
}

// Feature is a feature's finalised level, 0 when there is none.
func (img *Image) Feature(name string) int16 { return img.features[name] }

// Features walks the finalised features in no particular order.
func (img *Image) Features() iter.Seq2[string, int16] { return maps.All(img.features) }

// NextProducerID is the first producer id nobody has been given.
func (img *Image) NextProducerID() int64 { return img.producerIDs }

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}
