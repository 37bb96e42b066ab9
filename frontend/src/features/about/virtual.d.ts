declare module 'virtual:licences' {
  const told: { texts: string[]; parts: { name: string; version: string; texts: number[] }[] };
  export default told;
}
