package handler

import "github.com/freshetdb/freshet/broker/metadata"

// feature is a cluster feature as ApiVersions and UpdateFeatures know it (KIP-584): levels min to max are supported; initial is the
// level of a cluster that never changed it.
type feature struct {
	name              string
	min, max, initial int16
}

// featureMetadataVersion at its level says "as Kafka 4.3's formats"; clients only show it.
var featureMetadataVersion = feature{name: "metadata.version", min: 7, max: 30, initial: 30}

// featureTransactionVersion at level 2 says that each transaction's end bumps the producer's epoch, and that partitions join by
// being written to (KIP-890).
var featureTransactionVersion = feature{name: "transaction.version", min: 0, max: 2, initial: 2}

// featureGroupVersion at level 1 says that there are consumer groups whose coordinator assigns (KIP-848).
var featureGroupVersion = feature{name: "group.version", min: 0, max: 1, initial: 1}

// features are all there are, by name.
func features() []feature {
	return []feature{featureGroupVersion, featureMetadataVersion, featureTransactionVersion}
}

// level is the finalised level: the agreed one, or the initial one where nobody changed it.
func (f feature) level(img *metadata.Image) int16 {
	if level := img.Feature(f.name); level > 0 {
		return level
	}
	return f.initial
}
