package metadata

import (
	"fmt"
	"maps"
	"slices"
)

// TopicChange is what happened to a topic between two images: Before is nil for a new topic, After for a deleted one.
type TopicChange struct{ Before, After *Topic }

// Delta is what differs between two images.
type Delta struct {
	// Topics holds every topic touched. A topic deleted and re-created under its name is two entries.
	Topics map[UUID]TopicChange
	// BrokerConfigs tells that configs of brokers changed.
	BrokerConfigs bool
	// Brokers tells that registrations changed.
	Brokers bool
	// ACLs tells that rules about who may do what changed.
	ACLs bool
	// Quotas tells that quotas of clients changed.
	Quotas bool
}

// FullDelta is the difference between the empty image and img, as a new subscriber must see it.
func FullDelta(img *Image) *Delta {
	d := &Delta{Topics: make(map[UUID]TopicChange, img.TopicCount()), BrokerConfigs: true, Brokers: true, ACLs: true, Quotas: true}
	for t := range img.Topics() {
		d.Topics[t.ID] = TopicChange{After: t}
	}
	return d
}

// builder is an image under construction.
type builder struct {
	img    Image
	topics edit[UUID, *Topic]
	names  edit[string, *Topic]
	acls   edit[UUID, ACL]
	delta  Delta
	// own holds the topics made by this builder, which it may change in place.
	own map[*Topic]bool
}

// Replay applies records, committed at version, to img and returns the new image and what differs. img is not changed.
// An error means that the records contradict the image (they were decided on another one); nothing is applied then.
func Replay(img *Image, version uint64, records []Record) (*Image, *Delta, error) {
	b := &builder{img: *img, own: make(map[*Topic]bool), delta: Delta{Topics: make(map[UUID]TopicChange)}}
	b.topics.shardMap, b.names.shardMap, b.acls.shardMap = img.topics, img.names, img.acls
	for _, r := range records {
		if err := r.apply(b); err != nil {
			return nil, nil, fmt.Errorf("replay metadata at %d: %w", version, err)
		}
	}
	b.img.version = version
	b.img.topics, b.img.names, b.img.acls = b.topics.shardMap, b.names.shardMap, b.acls.shardMap
	if b.delta.ACLs {
		b.img.aclVersion = version
	}
	return &b.img, &b.delta, nil
}

func (b *builder) topic(id UUID) *Topic {
	t, _ := b.topics.get(shardOfID(id), id)
	return t
}

// change returns the topic ready to be changed in place.
func (b *builder) change(id UUID) (*Topic, error) {
	t := b.topic(id)
	if t == nil {
		return nil, fmt.Errorf("topic %s does not exist", id)
	}
	if b.own[t] {
		return t, nil
	}
	next := *t
	next.Partitions = slices.Clone(t.Partitions)
	b.put(&next)
	return &next, nil
}

func (b *builder) put(t *Topic) {
	b.own[t] = true
	change, seen := b.delta.Topics[t.ID]
	if !seen {
		change.Before = b.topic(t.ID)
	}
	change.After = t
	b.delta.Topics[t.ID] = change
	b.topics.set(shardOfID(t.ID), t.ID, t)
	b.names.set(shardOfName(t.Name), t.Name, t)
}

func (r ClusterRecord) apply(b *builder) error {
	if b.img.clusterID != "" {
		return fmt.Errorf("cluster is already called %q", b.img.clusterID)
	}
	b.img.clusterID = r.ClusterID
	return nil
}

func (r FeatureRecord) apply(b *builder) error {
	features := maps.Clone(b.img.features)
	if features == nil {
		features = make(map[string]int16)
	}
	if r.Level == 0 {
		delete(features, r.Name)
	} else {
		features[r.Name] = r.Level
	}
	b.img.features = features
	return nil
}

func (r BrokerRecord) apply(b *builder) error {
	brokers := maps.Clone(b.img.brokers)
	if brokers == nil {
		brokers = make(map[int32]*Broker)
	}
	next := Broker(r)
	brokers[r.ID] = &next
	b.img.brokers, b.delta.Brokers = brokers, true
	return nil
}

func (r BrokerRemovedRecord) apply(b *builder) error {
	if b.img.brokers[r.ID] == nil {
		return fmt.Errorf("broker %d is not registered", r.ID)
	}
	b.img.brokers = maps.Clone(b.img.brokers)
	delete(b.img.brokers, r.ID)
	b.delta.Brokers = true
	return nil
}

func (r TopicRecord) apply(b *builder) error {
	if b.topic(r.ID) != nil {
		return fmt.Errorf("topic id %s is in use", r.ID)
	}
	if _, taken := b.names.get(shardOfName(r.Name), r.Name); taken {
		return fmt.Errorf("topic %q exists", r.Name)
	}
	b.put(&Topic{ID: r.ID, Name: r.Name})
	return nil
}

func (r TopicRemovedRecord) apply(b *builder) error {
	t := b.topic(r.ID)
	if t == nil {
		return fmt.Errorf("topic %s does not exist", r.ID)
	}
	change, seen := b.delta.Topics[r.ID]
	if !seen {
		change.Before = t
	}
	change.After = nil
	if b.delta.Topics[r.ID] = change; change.Before == nil {
		delete(b.delta.Topics, r.ID) // made and deleted between the two images
	}
	b.topics.delete(shardOfID(r.ID), r.ID)
	b.names.delete(shardOfName(t.Name), t.Name)
	b.img.partitions -= len(t.Partitions)
	return nil
}

func (r PartitionRecord) apply(b *builder) error {
	t, err := b.change(r.TopicID)
	if err != nil {
		return err
	}
	switch {
	case r.Index < 0 || int(r.Index) > len(t.Partitions):
		return fmt.Errorf("topic %q has %d partitions, so there can't be a partition %d", t.Name, len(t.Partitions), r.Index)
	case int(r.Index) == len(t.Partitions):
		t.Partitions = append(t.Partitions, r.Partition)
		b.img.partitions++
	default:
		t.Partitions[r.Index] = r.Partition
	}
	return nil
}

func (r ConfigRecord) apply(b *builder) error {
	if r.Resource.Type == ResourceTopic {
		named, _ := b.names.get(shardOfName(r.Resource.Name), r.Resource.Name)
		if named == nil {
			return fmt.Errorf("topic %q does not exist", r.Resource.Name)
		}
		t, err := b.change(named.ID)
		if err != nil {
			return err
		}
		t.Configs = r.in(t.Configs)
		return nil
	}
	configs := maps.Clone(b.img.configs)
	if configs == nil {
		configs = make(map[Resource]map[string]string)
	}
	if configs[r.Resource] = r.in(configs[r.Resource]); len(configs[r.Resource]) == 0 {
		delete(configs, r.Resource)
	}
	b.img.configs, b.delta.BrokerConfigs = configs, true
	return nil
}

// in returns values with the record applied to a copy.
func (r ConfigRecord) in(values map[string]string) map[string]string {
	next := maps.Clone(values)
	if next == nil {
		next = make(map[string]string)
	}
	if r.Removed {
		delete(next, r.Key)
	} else {
		next[r.Key] = r.Value
	}
	return next
}

func (r ProducerIDBlockRecord) apply(b *builder) error {
	if r.Next < b.img.producerIDs {
		return fmt.Errorf("producer ids up to %d are given out, so the next can't be %d", b.img.producerIDs, r.Next)
	}
	b.img.producerIDs = r.Next
	return nil
}

// Records lists records that make img from the empty image, in an order that depends on nothing but img: the body of a snapshot.
func (img *Image) Records() []Record {
	var out []Record
	if img.clusterID != "" {
		out = append(out, ClusterRecord{ClusterID: img.clusterID})
	}
	for _, name := range slices.Sorted(maps.Keys(img.features)) {
		out = append(out, FeatureRecord{Name: name, Level: img.features[name]})
	}
	for _, br := range img.Brokers() {
		out = append(out, BrokerRecord(*br))
	}
	for _, t := range img.SortedTopics() {
		out = append(out, TopicRecord{ID: t.ID, Name: t.Name})
		for i, p := range t.Partitions {
			out = append(out, PartitionRecord{TopicID: t.ID, Index: int32(i), Partition: p})
		}
		out = appendConfigs(out, Resource{Type: ResourceTopic, Name: t.Name}, t.Configs)
	}
	resources := slices.SortedFunc(maps.Keys(img.configs), compareResources)
	for _, r := range resources {
		out = appendConfigs(out, r, img.configs[r])
	}
	if img.producerIDs != 0 {
		out = append(out, ProducerIDBlockRecord{BrokerID: NoLeader, Next: img.producerIDs})
	}
	return img.securityRecords(out)
}

func compareResources(a, b Resource) int {
	if a.Type != b.Type {
		return int(a.Type) - int(b.Type)
	}
	return slices.Compare([]byte(a.Name), []byte(b.Name))
}

func appendConfigs(out []Record, r Resource, values map[string]string) []Record {
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, ConfigRecord{Resource: r, Key: key, Value: values[key]})
	}
	return out
}
