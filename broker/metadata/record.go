package metadata

import "errors"

// ErrUnknownRecord says that a record's type or version is newer than this program: the node must not start on it, because
// skipping an agreed change would make it disagree with the cluster.
var ErrUnknownRecord = errors.New("metadata record is of a type or version this program does not know")

// Record is one agreed change. The concrete types below are all there is.
type Record interface {
	// recordType is the number written before the record's bytes.
	recordType() recordType
	// version is the layout of the bytes AppendRecord writes.
	version() uint64
	appendBody(dst []byte) []byte
	// apply changes an image under construction.
	apply(b *builder) error
}

type recordType uint64

const (
	typeCluster         recordType = 1
	typeFeature         recordType = 2
	typeBroker          recordType = 3
	typeBrokerRemoved   recordType = 4
	typeTopic           recordType = 5
	typeTopicRemoved    recordType = 6
	typePartition       recordType = 7
	typeConfig          recordType = 8
	typeProducerIDBlock recordType = 9
	typeACL             recordType = 10
	typeACLRemoved      recordType = 11
	typeScram           recordType = 12
	typeScramRemoved    recordType = 13
	typeQuota           recordType = 14
)

// ClusterRecord names the cluster; the first record of every cluster.
type ClusterRecord struct {
	// ClusterID is 22 characters of URL-safe base64, as Kafka's.
	ClusterID string
}

// FeatureRecord finalises a feature level (KIP-584). Level 0 removes the feature.
type FeatureRecord struct {
	Name  string
	Level int16
}

// Endpoint is an address of a broker.
type Endpoint struct {
	Listener string
	Host     string
	Port     uint16
}

// BrokerRecord registers a broker or changes its registration.
type BrokerRecord struct {
	ID int32
	// Epoch grows with every registration of the broker, so that a rebooted one is told from its former life (KIP-903).
	Epoch       int64
	Incarnation UUID
	Endpoints   []Endpoint
	Rack        string
	Fenced      bool
}

// BrokerRemovedRecord forgets a broker.
type BrokerRemovedRecord struct{ ID int32 }

// TopicRecord creates a topic without partitions; its PartitionRecords follow in the same entry.
type TopicRecord struct {
	ID   UUID
	Name string
}

// TopicRemovedRecord deletes a topic, its partitions and its configs.
type TopicRemovedRecord struct{ ID UUID }

// PartitionRecord creates a partition (the next index) or replaces its state.
type PartitionRecord struct {
	TopicID   UUID
	Index     int32
	Partition Partition
}

// ResourceType says what a config belongs to, in Kafka's numbers.
type ResourceType int8

// Resource types that may carry configs.
const (
	ResourceTopic         ResourceType = 2
	ResourceBroker        ResourceType = 4
	ResourceClientMetrics ResourceType = 16
	ResourceGroup         ResourceType = 32
)

// Resource is an owner of configs. A broker resource is the broker's number as text, or "" for the default of all brokers.
type Resource struct {
	Type ResourceType
	Name string
}

// ConfigRecord sets one config of a resource, or removes it so that the default shows through.
type ConfigRecord struct {
	Resource Resource
	Key      string
	Value    string
	Removed  bool
}

// ProducerIDBlockRecord hands producer ids [previous Next, Next) to a broker.
type ProducerIDBlockRecord struct {
	BrokerID    int32
	BrokerEpoch int64
	// Next is the first id nobody has been given yet.
	Next int64
}

func (ClusterRecord) recordType() recordType         { return typeCluster }
func (FeatureRecord) recordType() recordType         { return typeFeature }
func (BrokerRecord) recordType() recordType          { return typeBroker }
func (BrokerRemovedRecord) recordType() recordType   { return typeBrokerRemoved }
func (TopicRecord) recordType() recordType           { return typeTopic }
func (TopicRemovedRecord) recordType() recordType    { return typeTopicRemoved }
func (PartitionRecord) recordType() recordType       { return typePartition }
func (ConfigRecord) recordType() recordType          { return typeConfig }
func (ProducerIDBlockRecord) recordType() recordType { return typeProducerIDBlock }

func (ClusterRecord) version() uint64         { return 0 }
func (FeatureRecord) version() uint64         { return 0 }
func (BrokerRecord) version() uint64          { return 0 }
func (BrokerRemovedRecord) version() uint64   { return 0 }
func (TopicRecord) version() uint64           { return 0 }
func (TopicRemovedRecord) version() uint64    { return 0 }
func (PartitionRecord) version() uint64       { return 0 }
func (ConfigRecord) version() uint64          { return 0 }
func (ProducerIDBlockRecord) version() uint64 { return 0 }
