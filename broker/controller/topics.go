package controller

import (
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/freshetdb/freshet/broker/metadata"
)

// topicNameMax is Kafka's limit, which leaves room for "-<partition>" in a directory's name.
const topicNameMax = 249

// NewTopic asks for a topic.
type NewTopic struct {
	Name string
	// Partitions and ReplicationFactor are -1 for the defaults.
	Partitions        int32
	ReplicationFactor int16
	// Assignments names the replicas of every partition instead; then the two above must be -1.
	Assignments map[int32][]int32
	Configs     map[string]string
	// System allows names of the broker's own topics.
	System bool
	// Refused is why the caller refuses the topic already; nil mostly.
	Refused *Error
}

// TopicCreated is the answer to a NewTopic.
type TopicCreated struct {
	Name              string
	ID                metadata.UUID
	Partitions        int32
	ReplicationFactor int16
	Configs           map[string]string
	Err               *Error
}

// CreateTopics decides on each topic by itself: one refused doesn't stop the others.
func (c *Controller) CreateTopics(img *metadata.Image, topics []NewTopic) ([]TopicCreated, []metadata.Record) {
	var records []metadata.Record
	answers := make([]TopicCreated, len(topics))
	made, plain := make(map[string]bool, len(topics)), make(map[string]string, len(topics))
	partitions := img.PartitionCount()
	for i, t := range topics {
		answers[i].Name = t.Name
		if t.Refused != nil {
			answers[i].Err = t.Refused
			continue
		}
		if made[t.Name] {
			answers[i].Err = refuse(kerr.TopicAlreadyExists, "topic %q is asked for twice", t.Name)
			continue
		}
		plan, err := c.planTopic(img, t, partitions)
		if other := plain[plainName(t.Name)]; err == nil && other != "" {
			err = refuseCollision(t.Name, other)
		}
		if err != nil {
			answers[i].Err = err
			continue
		}
		made[t.Name], plain[plainName(t.Name)] = true, t.Name
		partitions += len(plan.replicas)
		answers[i].ID, answers[i].Partitions = plan.id, int32(len(plan.replicas))
		answers[i].ReplicationFactor, answers[i].Configs = int16(len(plan.replicas[0])), t.Configs
		records = append(records, plan.records(t)...)
	}
	return answers, records
}

// topicPlan is a topic that may be made.
type topicPlan struct {
	id       metadata.UUID
	replicas [][]int32
}

func (c *Controller) planTopic(img *metadata.Image, t NewTopic, partitions int) (topicPlan, *Error) {
	if err := CheckTopicName(t.Name); err != nil {
		return topicPlan{}, err
	}
	if img.Topic(t.Name) != nil {
		return topicPlan{}, refuse(kerr.TopicAlreadyExists, "topic %q already exists", t.Name)
	}
	if t.Name == metadata.ClusterTopic {
		return topicPlan{}, refuse(kerr.InvalidRequest, "topic %q is the metadata quorum's", t.Name)
	}
	if metadata.IsInternal(t.Name) && !t.System {
		return topicPlan{}, refuse(kerr.InvalidTopicException, "topic %q belongs to the broker", t.Name)
	}
	if other := collides(img, t.Name); other != "" {
		return topicPlan{}, refuseCollision(t.Name, other)
	}
	if err := c.checkTopicConfigs(img, t.Configs); err != nil {
		return topicPlan{}, err
	}
	replicas, err := c.place(img, t)
	if err != nil {
		return topicPlan{}, err
	}
	if partitions+len(replicas) > c.opts.PartitionsMax {
		return topicPlan{}, refuse(kerr.PolicyViolation, "cluster would have %d partitions, %d are allowed", partitions+len(replicas), c.opts.PartitionsMax)
	}
	return topicPlan{id: c.newID(), replicas: replicas}, nil
}

func (p topicPlan) records(t NewTopic) []metadata.Record {
	records := []metadata.Record{metadata.TopicRecord{ID: p.id, Name: t.Name}}
	for i, replicas := range p.replicas {
		records = append(records, metadata.PartitionRecord{TopicID: p.id, Index: int32(i), Partition: freshPartition(replicas)})
	}
	resource := metadata.Resource{Type: metadata.ResourceTopic, Name: t.Name}
	for _, key := range slices.Sorted(maps.Keys(t.Configs)) {
		records = append(records, metadata.ConfigRecord{Resource: resource, Key: key, Value: metadata.TopicConfigDef(key).Normal(t.Configs[key])})
	}
	return records
}

// freshPartition is a new partition: every replica in sync, the first one leading.
func freshPartition(replicas []int32) metadata.Partition {
	return metadata.Partition{Replicas: replicas, ISR: slices.Clone(replicas), Leader: replicas[0]}
}

// CheckTopicName tells whether name can be a topic's (Kafka's Topic.validate).
func CheckTopicName(name string) *Error {
	switch {
	case name == "":
		return refuse(kerr.InvalidTopicException, "topic name is empty")
	case name == "." || name == "..":
		return refuse(kerr.InvalidTopicException, "topic name can't be %q", name)
	case len(name) > topicNameMax:
		return refuse(kerr.InvalidTopicException, "topic name has %d characters, %d are allowed", len(name), topicNameMax)
	}
	for _, r := range name {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
		default:
			return refuse(kerr.InvalidTopicException, "topic name %q holds %q: letters, digits, '.', '_' and '-' are allowed", name, r)
		}
	}
	return nil
}

// collides gives the name of another topic whose name becomes the same once '.' is '_', "" for none (Kafka's Topic.hasCollision).
func collides(img *metadata.Image, name string) string {
	if !strings.ContainsAny(name, "._") {
		return ""
	}
	plain := plainName(name)
	for t := range img.Topics() {
		if len(t.Name) == len(name) && t.Name != name && plainName(t.Name) == plain {
			return t.Name
		}
	}
	return ""
}

func plainName(name string) string { return strings.ReplaceAll(name, ".", "_") }

func refuseCollision(name, other string) *Error {
	return refuse(kerr.InvalidTopicException, "topic %q differs from %q only in '.' and '_', so their metrics would have one name", name, other)
}

// checkTopicConfigs checks the configs of a topic to be made, each and together.
func (c *Controller) checkTopicConfigs(img *metadata.Image, configs map[string]string) *Error {
	for _, key := range slices.Sorted(maps.Keys(configs)) {
		if err := checkConfig(metadata.TopicConfigDef(key), key, configs[key]); err != nil {
			return err
		}
	}
	o := topicOwner(c.configs(img), configs)
	return o.checkTopic()
}

func checkConfig(def *metadata.ConfigDef, key, value string) *Error {
	if def == nil {
		return refuse(kerr.InvalidConfig, "unknown config %q", key)
	}
	if err := def.Check(def.Normal(value)); err != nil {
		return refuse(kerr.InvalidConfig, "%v", err)
	}
	return nil
}

// place chooses the replicas of every partition.
func (c *Controller) place(img *metadata.Image, t NewTopic) ([][]int32, *Error) {
	if len(t.Assignments) > 0 {
		if t.Partitions != -1 || t.ReplicationFactor != -1 {
			return nil, refuse(kerr.InvalidRequest, "topic %q names replicas, so its partition count and replication factor must be -1", t.Name)
		}
		return checkAssignments(img, t.Assignments, 0)
	}
	count, factor := t.Partitions, t.ReplicationFactor
	if count == -1 {
		count = int32(c.configs(img).Int(metadata.ConfigNumPartitions))
	}
	if factor == -1 {
		factor = int16(c.configs(img).Int(metadata.ConfigDefaultReplicas))
	}
	if count <= 0 {
		return nil, refuse(kerr.InvalidPartitions, "number of partitions must be above 0, not %d", count)
	}
	if count > metadata.MaxPartitionsPerTopic {
		return nil, refuse(kerr.PolicyViolation, "topic can have %d partitions, not %d", metadata.MaxPartitionsPerTopic, count)
	}
	return c.Placement(img, 0, count, factor)
}

// Placement spreads partitions [from, from+count) over the live brokers, round robin, each partition on factor of them.
func (c *Controller) Placement(img *metadata.Image, from, count int32, factor int16) ([][]int32, *Error) {
	var live []int32
	for _, b := range img.Brokers() {
		if !b.Fenced {
			live = append(live, b.ID)
		}
	}
	if factor <= 0 {
		return nil, refuse(kerr.InvalidReplicationFactor, "replication factor must be above 0, not %d", factor)
	}
	if int(factor) > len(live) {
		return nil, refuse(kerr.InvalidReplicationFactor, "replication factor %d is more than the %d brokers alive", factor, len(live))
	}
	out := make([][]int32, count)
	for i := range out {
		replicas := make([]int32, factor)
		for j := range replicas {
			replicas[j] = live[(int(from)+i+j)%len(live)]
		}
		out[i] = replicas
	}
	return out, nil
}

// checkAssignments turns named replicas of partitions [from, …) into a list.
func checkAssignments(img *metadata.Image, named map[int32][]int32, from int32) ([][]int32, *Error) {
	out := make([][]int32, len(named))
	for i := range out {
		index := from + int32(i)
		replicas, there := named[index]
		if !there {
			return nil, refuse(kerr.InvalidReplicaAssignment, "partitions %d to %d must be named, %d is missing", from, int(from)+len(named)-1, index)
		}
		if len(replicas) == 0 {
			return nil, refuse(kerr.InvalidReplicaAssignment, "partition %d has no replicas", index)
		}
		if i > 0 && len(replicas) != len(out[0]) {
			return nil, refuse(kerr.InvalidReplicaAssignment, "partitions have different numbers of replicas")
		}
		for j, id := range replicas {
			if img.Broker(id) == nil {
				return nil, refuse(kerr.InvalidReplicaAssignment, "broker %d is not registered", id)
			}
			if slices.Contains(replicas[:j], id) {
				return nil, refuse(kerr.InvalidReplicaAssignment, "partition %d names broker %d twice", index, id)
			}
		}
		out[i] = slices.Clone(replicas)
	}
	return out, nil
}

// DeleteTopic decides on the deletion of one topic.
func (c *Controller) DeleteTopic(img *metadata.Image, id metadata.UUID) ([]metadata.Record, *Error) {
	t := img.TopicByID(id)
	if t == nil {
		return nil, refuse(kerr.UnknownTopicID, "no topic has the id %s", id)
	}
	if !c.configs(img).Bool(metadata.ConfigDeleteTopicEnable) {
		return nil, refuse(kerr.TopicDeletionDisabled, "topics can't be deleted: %s is false", metadata.ConfigDeleteTopicEnable)
	}
	if t.Internal() {
		return nil, refuse(kerr.InvalidTopicException, "topic %q belongs to the broker", t.Name)
	}
	return []metadata.Record{metadata.TopicRemovedRecord{ID: id}}, nil
}

// CreatePartitions raises a topic's number of partitions to total. assignments names the new partitions' replicas in order, or is nil.
func (c *Controller) CreatePartitions(img *metadata.Image, topic string, total int32, assignments [][]int32) ([]metadata.Record, *Error) {
	t := img.Topic(topic)
	if t == nil {
		return nil, refuse(kerr.UnknownTopicOrPartition, "topic %q does not exist", topic)
	}
	have := int32(len(t.Partitions))
	switch {
	case total == have:
		return nil, refuse(kerr.InvalidPartitions, "Topic already has %d partition(s).", have)
	case total < have:
		return nil, refuse(kerr.InvalidPartitions, "The topic %s currently has %d partition(s); %d would not be an increase.", topic, have, total)
	case t.Internal(): // Kafka lets it happen: groups lose their positions then, and transactions stop
		return nil, refuse(kerr.InvalidTopicException, "topic %q has as many partitions as it was made with for ever: what it keeps is found by their number", topic)
	case total > metadata.MaxPartitionsPerTopic:
		return nil, refuse(kerr.InvalidPartitions, "topic can have %d partitions, not %d", metadata.MaxPartitionsPerTopic, total)
	case img.PartitionCount()+int(total-have) > c.opts.PartitionsMax:
		return nil, refuse(kerr.PolicyViolation, "cluster can have %d partitions", c.opts.PartitionsMax)
	}
	replicas, err := c.newReplicas(img, t, total-have, assignments)
	if err != nil {
		return nil, err
	}
	records := make([]metadata.Record, len(replicas))
	for i, r := range replicas {
		records[i] = metadata.PartitionRecord{TopicID: t.ID, Index: have + int32(i), Partition: freshPartition(r)}
	}
	return records, nil
}

func (c *Controller) newReplicas(img *metadata.Image, t *metadata.Topic, count int32, assignments [][]int32) ([][]int32, *Error) {
	have := int32(len(t.Partitions))
	if assignments == nil {
		return c.Placement(img, have, count, int16(len(t.Partitions[0].Replicas)))
	}
	if len(assignments) != int(count) {
		return nil, refuse(kerr.InvalidReplicaAssignment, "%d new partitions, but replicas of %d", count, len(assignments))
	}
	named := make(map[int32][]int32, count)
	for i, replicas := range assignments {
		named[have+int32(i)] = replicas
	}
	return checkAssignments(img, named, have)
}
